"""The verbs for encoders outside of a study: to list, check, measure, probe and pretrain them."""
