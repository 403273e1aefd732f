"""The alignment of independently trained encoders: as a node of a study, and outside of one."""
