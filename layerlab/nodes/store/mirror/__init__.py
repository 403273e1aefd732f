"""Results that hosts without a common directory share through an object store."""
