"""The cross-lingual experiment: taggers of a language without labels, learned from teachers in other languages."""
