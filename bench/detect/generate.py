# Makes the labelled texts: rows, logs, JSON and prose of about 130 bytes, half of them with a value, all with what only looks like one.
"""usage: generate.py SEED COUNT > corpus.jsonl    a line: {"text": …, "values": [{"class": …, "start": …, "end": …}]}, in characters"""

import json
import random as randoms
import sys

from faker import Faker

import values as v

LOCALES = [locale for locale, _ in v.REGIONS] + ["nl_NL", "fi_FI", "de_CH"]


def faker(method):
    return lambda random, fakers: getattr(fakers["en_US"], method)()


def of(locale, method):
    return lambda random, fakers: getattr(fakers[locale], method)()


# class, what makes it, whether its form says what it is, words that stand before it, names of columns and keys
CLASSES = [
    ("email", faker("email"), True, ["write to", "e-mail", "my address is"], ["email", "contact"]),
    ("payment_card", v.card, True, ["card number", "charged to card", "paid with"], ["card_number", "pan"]),
    ("iban", v.iban, True, ["IBAN", "please transfer to", "account"], ["iban", "account"]),
    ("phone", v.phone, True, ["call me at", "phone", "mobile number is"], ["phone", "mobile"]),
    ("phone", v.phone_bare, False, ["call", "phone", "my cell number is"], ["phone", "mobile_phone"]),
    ("us_ssn", v.ssn, True, ["SSN", "social security number"], ["ssn", "social_security_number"]),
    ("us_ssn", v.bare(v.ssn), False, ["SSN", "social security number"], ["ssn", "customer_ssn"]),
    ("us_itin", v.itin, True, ["ITIN", "taxpayer number"], ["itin", "tax_id"]),
    ("uk_nhs", v.nhs, True, ["NHS number", "patient"], ["nhs_number", "nhs"]),
    ("uk_nhs", v.bare(v.nhs), False, ["NHS number", "patient NHS no"], ["nhs_number", "nhs"]),
    ("uk_nino", v.nino, True, ["National Insurance number", "NINO"], ["nino", "ni_number"]),
    ("es_nif", v.nif, True, ["NIF", "DNI"], ["nif", "dni"]),
    ("es_nie", v.nie, True, ["NIE", "foreigner's number"], ["nie", "id_extranjero"]),
    ("it_fiscal_code", of("it_IT", "ssn"), True, ["codice fiscale", "fiscal code"], ["codice_fiscale", "cf"]),
    ("pl_pesel", of("pl_PL", "pesel"), True, ["PESEL", "numer PESEL"], ["pesel", "person_id"]),
    ("fi_hetu", of("fi_FI", "ssn"), True, ["henkilotunnus", "personal identity code"], ["hetu", "person_id"]),
    ("in_aadhaar", v.aadhaar, True, ["Aadhaar", "UIDAI number"], ["aadhaar", "uid"]),
    ("in_aadhaar", v.bare(v.aadhaar), False, ["Aadhaar", "Aadhaar number"], ["aadhaar", "aadhaar_no"]),
    ("in_pan", v.pan, True, ["PAN", "permanent account number"], ["pan", "pan_no"]),
    ("au_tfn", v.tfn, True, ["TFN", "tax file number"], ["tfn", "tax_file_number"]),
    ("au_tfn", v.bare(v.tfn), False, ["TFN", "tax file number"], ["tfn", "tax_file_number"]),
    ("au_abn", v.abn, True, ["ABN", "business number"], ["abn", "company"]),
    ("br_cpf", of("pt_BR", "cpf"), True, ["CPF", "cadastro"], ["cpf", "person"]),
    ("br_cnpj", of("pt_BR", "cnpj"), True, ["CNPJ", "company"], ["cnpj", "company"]),
    ("ip_address", faker("ipv4"), True, ["connected from", "client", "host"], ["ip", "client_ip", "remote"]),
    ("ip_address", faker("ipv6"), True, ["connected from", "client", "host"], ["ip", "client_ip", "remote"]),
    ("mac_address", faker("mac_address"), True, ["device", "MAC"], ["mac", "device"]),
    ("url_credentials", v.url_credentials, True, ["connect to", "the database is"], ["url", "dsn"]),
    ("date_of_birth", v.birth, False, ["born on", "date of birth", "DOB"], ["date_of_birth", "dob", "birth_date"]),
    ("secret", v.secret, False, ["password:", "api key:", "the token is"], ["password", "api_key", "access_token"]),
    ("jwt", v.jwt, True, ["session", "signed in with"], ["session", "jwt"]),
    ("aws_key", lambda r, f: "AKIA" + v.alphabet(r, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16), True, ["key", "uses"], ["key_id", "aws"]),
    ("github_token", lambda r, f: "ghp_" + v.alphabet(r, v.BASE62, 36), True, ["cloned with", "found"], ["github", "credential"]),
    ("stripe_key", lambda r, f: "sk_live_" + v.alphabet(r, v.BASE62, 24), True, ["charged with", "found"], ["stripe", "credential"]),
]


def unlucky(random):
    return v.until(lambda: v.digits(random, 16, "456"), lambda text: not v.luhn(text))


# Names and values that only look like something: of orders, files, builds, times.
HARMLESS = [
    ("order", lambda r, f: "ORD-" + v.digits(r, 8)), ("order_id", lambda r, f: v.digits(r, 10, "1356789")),
    ("ticket", lambda r, f: v.digits(r, 9)), ("serial", lambda r, f: v.digits(r, 12)), ("receipt", lambda r, f: unlucky(r)),
    ("trace", faker("uuid4")), ("commit", faker("sha1")), ("checksum", faker("md5")), ("etag", lambda r, f: f["en_US"].sha256()[:16]),
    ("version", lambda r, f: ".".join(str(r.randint(0, 40)) for _ in range(3))),
    ("version", lambda r, f: ".".join(str(r.randint(0, 40)) for _ in range(4))),
    ("build", lambda r, f: f"v{r.randint(1, 9)}.{r.randint(0, 30)}.{r.randint(0, 9)}-rc{r.randint(1, 9)}"),
    ("at", lambda r, f: f["en_US"].iso8601()), ("epoch", lambda r, f: str(r.randint(1_500_000_000, 1_900_000_000))),
    ("epoch_ms", lambda r, f: str(r.randint(1_500_000_000_000, 1_900_000_000_000))),
    ("updated", lambda r, f: f["en_US"].date()), ("total", lambda r, f: f"{r.randint(1, 99_999):,}.{r.randint(0, 99):02}"),
    ("ean", faker("ean13")), ("isbn", faker("isbn13")), ("ratio", lambda r, f: f"0.{v.digits(r, 16)}"),
    ("position", lambda r, f: f"{r.uniform(-90, 90):.6f}, {r.uniform(-180, 180):.6f}"),
    ("file", lambda r, f: f"{f['en_US'].word()}@2x.png"), ("path", lambda r, f: f["en_US"].file_path(depth=3)),
    ("range", lambda r, f: f"{r.randint(100, 999)}-{r.randint(1000, 9999)}"), ("sku", lambda r, f: f["en_US"].bothify("??-####-??").upper()),
    ("part", lambda r, f: f["en_US"].bothify("####??####").upper()), ("url", lambda r, f: f["en_US"].uri()),
    ("took", lambda r, f: f"{r.uniform(0, 900):.3f}ms"), ("status", lambda r, f: str(r.choice([200, 201, 301, 404, 500]))),
    ("tracking", lambda r, f: "1Z" + f["en_US"].bothify("?##??##########").upper()),
    ("state", lambda r, f: r.choice(["token expired", "password required", "secret rotation due", "authorisation pending"])),
]


class Text:
    """A text that is put together, and where its values stand."""

    def __init__(self):
        self.text, self.values = "", []

    def add(self, text):
        self.text += text
        return self

    def value(self, kind, text):
        if kind == "url_credentials":
            # The user and the password are the value, not the rest of the URL.
            start, end = text.index("://") + 3, text.rindex("@")
            return self.add(text[:start]).part(kind, text[start:end]).add(text[end:])
        return self.part(kind, text)

    def part(self, kind, text):
        self.values.append({"class": kind, "start": len(self.text), "end": len(self.text) + len(text)})
        return self.add(text)


def harmless(random, fakers, count):
    return [(name, make(random, fakers)) for name, make in random.sample(HARMLESS, count)]


def prose(random, fakers, chosen):
    faker, text = fakers["en_US"], Text()
    text.add(faker.sentence(nb_words=random.randint(4, 8)) + " ")
    for name, value in harmless(random, fakers, random.randint(1, 2)):
        text.add(f"The {name} is {value}. ")
    if chosen:
        kind, make, evident, words, _ = chosen
        before = random.choice(words) if not evident or random.random() < 0.7 else random.choice(["it says", "see", faker.first_name()])
        text.add(before[0].upper() + before[1:] + random.choice([" ", ": "] if not before.endswith(":") else [" "]))
        text.value(kind, make(random, fakers)).add(random.choice([". ", ", ", " - "]))
    return text.add(faker.sentence(nb_words=random.randint(4, 8)))


def row(random, fakers, chosen):
    faker, text = fakers["en_US"], Text()
    # Four small numbers without the word "version" are an address as much as they are a version.
    others = [value.replace(",", "") for _, value in harmless(random, fakers, 4) if value.count(".") != 3 or not value[0].isdigit()]
    cells = [faker.name(), faker.city(), *others]
    place = random.randint(1, len(cells))
    for index, cell in enumerate(cells):
        text.add("," if index else "").add(cell)
        if chosen and index + 1 == place:
            text.add(",").value(chosen[0], chosen[1](random, fakers).replace(",", ""))
    return text


def log(random, fakers, chosen):
    faker, text = fakers["en_US"], Text()
    text.add(f"{faker.iso8601()} {random.choice(['INFO', 'WARN', 'DEBUG'])} {faker.word()}:")
    pairs = harmless(random, fakers, random.randint(2, 5))
    for name, value in pairs:
        text.add(f' {name}="{value}"' if " " in value else f" {name}={value}")
    if chosen:
        kind, make, _, _, names = chosen
        value = make(random, fakers)
        quote = '"' if " " in value else ""
        text.add(f" {random.choice(names)}={quote}").value(kind, value).add(quote)
    return text


def document(random, fakers, chosen):
    faker, text = fakers["en_US"], Text()
    text.add('{"name": ' + json.dumps(faker.name()))
    for name, value in harmless(random, fakers, random.randint(2, 4)):
        text.add(f", {json.dumps(name)}: {json.dumps(value)}")
    if chosen:
        kind, make, _, _, names = chosen
        text.add(f', "{random.choice(names)}": "').value(kind, make(random, fakers)).add('"')
    return text.add("}")


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    random = randoms.Random(seed)
    fakers = {locale: Faker(locale) for locale in LOCALES}
    for place, locale in enumerate(LOCALES):
        fakers[locale].seed_instance(seed + place)
    for number in range(count):
        chosen = CLASSES[number // 2 % len(CLASSES)] if number % 2 == 0 else None
        # A row has no words: only what says by its form what it is can stand there.
        shapes = [prose, log, document] + ([row] if chosen is None or chosen[2] else [])
        text = random.choice(shapes)(random, fakers, chosen)
        print(json.dumps({"text": text.text, "values": text.values}, ensure_ascii=False))


if __name__ == "__main__":
    main()
