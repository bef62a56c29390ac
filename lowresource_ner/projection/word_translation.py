"""Word-by-word translation of labelled sentences."""

from typing import List, NamedTuple, Sequence

from lowresource_ner.projection.bilingual_dictionary import BilingualDictionary
from lowresource_ner.tagging import EntitySpan, TagScheme


class TranslatedSentence(NamedTuple):
    """The words and tags of a translated sentence, and how many of the words that were looked up the dictionary translated."""

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
    Translates a labelled sentence word by word, keeping the word order (after Mayhew et al. 2017, D17-1269; Xie et al. 2018,
    D18-1034).

    Words without letters, and words that are not in the dictionary, are copied. If an entity word is translated into several
    words, all of them belong to the entity.

    # Parameters

    words, tags : `Sequence[str]`
    dictionary : `BilingualDictionary`
    scheme : `TagScheme`
        The tag scheme of both the input and the output.
    translate_entities : `bool`
        Whether to translate the words of entities as well.
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
