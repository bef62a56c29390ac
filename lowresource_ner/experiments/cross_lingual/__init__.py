"""The cross-lingual case: systems for a language without labels, from teachers on other languages."""
