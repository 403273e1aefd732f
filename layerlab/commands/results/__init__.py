"""The verbs that show what studies found: records, tables, figures and reports."""
