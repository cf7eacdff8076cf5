# Values of each class, as people write them: made with faker where it has them, else from the published rules.
"""Each function takes the generator's `random` and returns a text. Numbers have valid checksums; telephone numbers exist."""

import phonenumbers

REGIONS = [("en_US", "US"), ("en_GB", "GB"), ("de_DE", "DE"), ("fr_FR", "FR"), ("es_ES", "ES"), ("it_IT", "IT"), ("pl_PL", "PL"),
           ("pt_BR", "BR"), ("en_IN", "IN"), ("en_AU", "AU")]


def digits(random, count, first="0123456789"):
    return random.choice(first) + "".join(random.choice("0123456789") for _ in range(count - 1))


def until(make, good):
    while True:
        value = make()
        if good(value):
            return value


def weighted(text, weights):
    return sum(int(digit) * weight for digit, weight in zip(text, weights))


def luhn(text):
    total = 0
    for place, digit in enumerate(reversed(text)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def card(random, fakers):
    kind = random.choice(["visa16", "visa16", "mastercard", "mastercard", "amex", "discover", "diners", "jcb16"])
    number = fakers["en_US"].credit_card_number(kind)
    style = random.random()
    if style < 0.5:
        return number
    separator = random.choice([" ", "-"])
    if len(number) == 15:
        return separator.join([number[:4], number[4:10], number[10:]])
    if len(number) == 14:
        return separator.join([number[:4], number[4:10], number[10:]])
    return separator.join(number[at:at + 4] for at in range(0, len(number), 4))


def iban(random, fakers):
    locale = random.choice(["de_DE", "en_GB", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL", "fi_FI", "de_CH"])
    number = fakers[locale].iban()
    return number if random.random() < 0.5 else " ".join(number[at:at + 4] for at in range(0, len(number), 4))


def phone(random, fakers):
    """A number that exists: of any region with its country's code, of the United States as it is dialled there too."""
    while True:
        locale, region = random.choice(REGIONS + [("en_US", "US")] * 5)
        text = fakers[locale].phone_number()
        if not (text.startswith("+") or region == "US"):
            continue
        # Ten digits alone are looked at with their label, below.
        if region == "US" and text.isdigit():
            continue
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text, region)):
                return text
        except phonenumbers.NumberParseException:
            continue


def phone_bare(random, fakers):
    def make():
        return digits(random, 10, "23456789")
    return until(make, lambda text: phonenumbers.is_valid_number(phonenumbers.parse(text, "US")))


def ssn(random, fakers):
    area = until(lambda: random.randint(1, 899), lambda area: area != 666)
    return f"{area:03}-{random.randint(1, 99):02}-{random.randint(1, 9999):04}"


def itin(random, fakers):
    group = random.choice(list(range(50, 66)) + list(range(70, 89)) + list(range(90, 93)) + list(range(94, 100)))
    return f"9{random.randint(0, 99):02}-{group}-{random.randint(1, 9999):04}"


def nhs(random, fakers):
    def make():
        body = digits(random, 9, "467")
        check = (11 - weighted(body, range(10, 1, -1)) % 11) % 11
        return body + str(check)
    number = until(make, lambda text: len(text) == 10)
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def nino(random, fakers):
    first, second = "ABCEGHJKLMNOPRSTWXYZ", "ABCEGHJKLMNPRSTWXYZ"
    never = {"BG", "GB", "NK", "KN", "TN", "NT", "ZZ"}
    prefix = until(lambda: random.choice(first) + random.choice(second), lambda prefix: prefix not in never)
    number = digits(random, 6)
    suffix = random.choice("ABCD")
    return random.choice([prefix + number + suffix, f"{prefix} {number[:2]} {number[2:4]} {number[4:]} {suffix}"])


LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def nif(random, fakers):
    number = digits(random, 8)
    return number + LETTERS[int(number) % 23]


def nie(random, fakers):
    lead, number = random.randint(0, 2), digits(random, 7)
    return "XYZ"[lead] + number + LETTERS[int(f"{lead}{number}") % 23]


VERHOEFF = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def verhoeff(text):
    def product(a, b):
        if a < 5:
            return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
        return 5 + (a - b) % 5 if b < 5 else (a - b) % 5
    total = 0
    for place, digit in enumerate(reversed(text)):
        value = int(digit)
        for _ in range(place % 8):
            value = VERHOEFF[value]
        total = product(total, value)
    return total == 0


def aadhaar(random, fakers):
    number = until(lambda: digits(random, 12, "23456789"), verhoeff)
    return " ".join([number[:4], number[4:8], number[8:]])


def pan(random, fakers):
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(random.choice(letters) for _ in range(3)) + random.choice("PCHABFT") + random.choice(letters) + digits(random, 4) + \
        random.choice(letters)


def tfn(random, fakers):
    number = until(lambda: digits(random, 9, "12345678"), lambda text: weighted(text, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 == 0)
    return f"{number[:3]} {number[3:6]} {number[6:]}"


def abn(random, fakers):
    weights = [10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]
    number = until(lambda: digits(random, 11, "123456789"), lambda text: (weighted(text, weights) - 10) % 89 == 0)
    return f"{number[:2]} {number[2:5]} {number[5:8]} {number[8:]}"


def birth(random, fakers):
    day = fakers["en_US"].date_of_birth(minimum_age=18, maximum_age=90)
    return day.strftime(random.choice(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %B %Y", "%B %d, %Y"]))


def bare(make):
    """The same without what separates its groups."""
    return lambda random, fakers: "".join(character for character in make(random, fakers) if character.isalnum())


def alphabet(random, characters, count):
    return "".join(random.choice(characters) for _ in range(count))


BASE62 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def url_credentials(random, fakers):
    faker = fakers["en_US"]
    scheme, host = random.choice(["postgres", "https", "redis", "amqp", "mysql"]), faker.domain_name()
    return f"{scheme}://{faker.user_name()}:{alphabet(random, BASE62 + '!$*-', 14)}@{host}/{faker.word()}"


def secret(random, fakers):
    return alphabet(random, BASE62, random.randint(16, 40)) + digits(random, 2)


def jwt(random, fakers):
    return "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOi" + alphabet(random, BASE62, 40) + "." + alphabet(random, BASE62 + "-_", 43)
