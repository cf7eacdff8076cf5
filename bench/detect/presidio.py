# What Presidio finds in the labelled texts: its pattern recognisers alone, without a model and without the network.
"""usage: presidio.py [CLASS,…] < corpus.jsonl > found.jsonl

A line: {"found": [{"class": …, "start": …, "end": …}]}; the last one: {"seconds": …}. Only recognisers of these classes, else of all.
"""

import json
import sys
import time

import spacy
import tldextract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, predefined_recognizers as recognizers
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from spacy.language import Language

# What its project takes for sure enough, by its own default recognisers' scores.
THRESHOLD = 0.4

CLASSES = {
    "EMAIL_ADDRESS": "email", "CREDIT_CARD": "payment_card", "IBAN_CODE": "iban", "PHONE_NUMBER": "phone", "US_SSN": "us_ssn",
    "US_ITIN": "us_itin", "UK_NHS": "uk_nhs", "UK_NINO": "uk_nino", "ES_NIF": "es_nif", "ES_NIE": "es_nie",
    "IT_FISCAL_CODE": "it_fiscal_code", "PL_PESEL": "pl_pesel", "FI_PERSONAL_IDENTITY_CODE": "fi_hetu", "IN_AADHAAR": "in_aadhaar",
    "IN_PAN": "in_pan", "AU_TFN": "au_tfn", "AU_ABN": "au_abn", "IP_ADDRESS": "ip_address", "MAC_ADDRESS": "mac_address",
    "DATE_TIME": "date_of_birth",
}

# In the order of CLASSES.
RECOGNIZERS = ["Email", "CreditCard", "Iban", "Phone", "UsSsn", "UsItin", "Nhs", "UkNino", "EsNif", "EsNie", "ItFiscalCode", "PlPesel",
               "FiPersonalIdentityCode", "InAadhaar", "InPan", "AuTfn", "AuAbn", "Ip", "MacAddress", "Date"]


@Language.component("small_lemmas")
def small_lemmas(document):
    """A blank pipeline has no lemmas, and without them Presidio's context words do nothing."""
    for token in document:
        token.lemma_ = token.lower_
    return document


class BlankEngine(SpacyNlpEngine):
    """spaCy's English tokeniser and nothing else."""

    def load(self):
        pipeline = spacy.blank("en")
        pipeline.add_pipe("small_lemmas")
        self.nlp = {"en": pipeline}


def engine(classes):
    # Else it would fetch the list of public suffixes.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    nlp = BlankEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    nlp.load()
    registry = RecognizerRegistry(supported_languages=["en"])
    for name in (name for name, kind in zip(RECOGNIZERS, CLASSES.values(), strict=True) if kind in classes):
        registry.add_recognizer(getattr(recognizers, f"{name}Recognizer")(supported_language="en"))
    return AnalyzerEngine(nlp_engine=nlp, registry=registry, supported_languages=["en"])


def main():
    texts = [json.loads(line)["text"] for line in sys.stdin]
    classes = set(sys.argv[1].split(",")) if len(sys.argv) > 1 else set(CLASSES.values())
    unknown = classes - set(CLASSES.values())
    if unknown:
        sys.exit(f"Presidio has no recogniser for {', '.join(sorted(unknown))}")
    entities = [name for name, kind in CLASSES.items() if kind in classes]
    analyzer = engine(classes)
    analyzer.analyze("warm up", language="en")
    seconds = 0.0
    for text in texts:
        started = time.perf_counter()
        results = analyzer.analyze(text, language="en", entities=entities, score_threshold=THRESHOLD)
        seconds += time.perf_counter() - started
        found = [{"class": CLASSES[one.entity_type], "start": one.start, "end": one.end} for one in results]
        print(json.dumps({"found": found}))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
