from __future__ import annotations

import pytest
from pydantic import ValidationError

from layerlab.finetuning.training import Training


def test_misspelt_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="epoch"):
        Training.model_validate({"epoch": 3})
