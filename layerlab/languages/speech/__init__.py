"""How it is said: the words of a language, their forms, and meaning trees as sentences."""
