"""Translates labelled sentences word by word."""

from typing import List, NamedTuple, Sequence

from lowresource_ner.projection.bilingual_dictionary import BilingualDictionary
from lowresource_ner.tagging import EntitySpan, TagScheme


class TranslatedSentence(NamedTuple):
    """The words and tags of a translated sentence; how many words the dictionary knew, and of how many that were looked up."""

    words: List[str]
    tags: List[str]
    num_translated: int
    num_to_translate: int


def translate_sentence(
    words: Sequence[str],
    tags: Sequence[str],
    dictionary: BilingualDictionary,
    scheme: TagScheme,
    translate_entities: bool,
) -> TranslatedSentence:
    """
    Translates the words of a labelled sentence in their order (after Mayhew et al. 2017, D17-1269; Xie et al. 2018, D18-1034).

    A word of which the dictionary has no translation stays as it is, and so does one without letters. A translation of several
    words takes the place of its word; in an entity, all of them belong to it.

    # Parameters

    words, tags : `Sequence[str]`
    dictionary : `BilingualDictionary`
    scheme : `TagScheme`
        Of the tags, those given and those returned.
    translate_entities : `bool`
        Whether the words of entities are translated, too.
    """
    spans = scheme.spans(tags)
    kept = set() if translate_entities else {word for span in spans for word in range(span.start, span.end)}
    translated: List[str] = []
    starts: List[int] = []
    num_known = num_to_translate = 0
    for position, word in enumerate(words):
        starts.append(len(translated))
        if position in kept or not any(map(str.isalpha, word)):
            translated.append(word)
            continue
        translation = dictionary.translate(word)
        num_to_translate += 1
        num_known += bool(translation)
        translated.extend(translation or [word])
    starts.append(len(translated))
    new_spans = [EntitySpan(starts[span.start], starts[span.end], span.type) for span in spans]
    return TranslatedSentence(translated, scheme.tags(new_spans, len(translated)), num_known, num_to_translate)
