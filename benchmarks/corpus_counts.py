"""
What the reader finds in CoNLL files: sentences, words, entities by type, and the tag scheme.

    python benchmarks/corpus_counts.py $NER_DATA/*/*.conll
"""

import argparse

from lowresource_ner.data.conll.format import ConllFormat
from lowresource_ner.data.conll.survey import survey_conll


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--repair", action="store_true", help="read invalid tag sequences as conlleval does")
    args = parser.parse_args()
    for path in args.files:
        found = survey_conll(path, ConllFormat(encoding=args.encoding), repair=args.repair)
        types = ", ".join(f"{name} {number}" for name, number in sorted(found.entities_by_type.items()))
        counts = f"{found.sentences} sentences, {found.tokens} words, {found.entities} entities ({types})"
        print(f"{path}: {found.scheme}, {counts}, {found.repaired} tags repaired")


if __name__ == "__main__":
    main()
