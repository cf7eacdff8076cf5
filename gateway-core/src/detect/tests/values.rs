//! Values of each rule as people write them, and what only looks like them.

use super::{check, harmless};

#[test]
fn addresses_and_accounts() {
    check(&[
        ("write to ana.lopez+news@mail.example.co.uk.", "write to [email]."),
        ("jürgen@müller.de, o'neil@acme.ie", "[email], [email]"),
        ("pay with 4111 1111 1111 1111 now", "pay with [payment_card] now"),
        ("12/27 4111-1111-1111-1111 123", "12/27 [payment_card] 123"),
        ("id_378282246310005_x", "id_[payment_card]_x"),
        ("IBAN DE89 3704 0044 0532 0130 00 at the bank", "IBAN [iban] at the bank"),
        ("gb82west12345698765432", "[iban]"),
        ("NO9386011117947", "[iban]"),
    ]);
    harmless(&[
        "logo@2x.png and a@b and @here",
        "order 4111 1111 1111 1112",
        "0.4111111111111111",
        "4111111111111111234567890",
        "1234567890123456",
        "DE89 3704 0044 0532 0130 01",
        "git@v1",
    ]);
}

#[test]
fn telephones() {
    check(&[
        ("call +44 20 7946 0958 or +49 (0)30 901820", "call [phone] or [phone]"),
        ("tel:+1-650-253-0000", "tel:[phone]"),
        ("(650) 253-0000 x123, 650-253-0000; 650.253.0000", "[phone], [phone]; [phone]"),
        ("1-650-253-0000", "[phone]"),
        ("phone 6502530000", "phone [phone]"),
        ("0044 20 7946 0958", "[phone]"),
        ("+1 650 253 0000 4000", "[phone] 4000"),
    ]);
    harmless(&[
        "6502530000",
        "order 650-253-0000-11",
        "2026-11-29 10:11:12",
        "192.168.650.2530",
        "+999 123 456 789",
        "1764374575",
    ]);
}

#[test]
fn national_ids() {
    check(&[
        ("536-22-1234", "[us_ssn]"),
        ("SSN: 536221234", "SSN: [us_ssn]"),
        ("912-73-4567 filed", "[us_itin] filed"),
        ("taxpayer 912734567", "taxpayer [us_itin]"),
        ("943 476 5919, 401 023 2137", "[uk_nhs], [uk_nhs]"),
        ("nhs=9434765919", "nhs=[uk_nhs]"),
        ("QQ123456C and AB 12 34 56 C", "QQ123456C and [uk_nino]"),
        ("NI number ab123456c", "NI number [uk_nino]"),
        ("12345678Z, X1234567L", "[es_nif], [es_nie]"),
        ("RSSMRA85T10A562S", "[it_fiscal_code]"),
        ("44051401359", "[pl_pesel]"),
        ("131052-308T", "[fi_hetu]"),
        ("2341 2341 2346", "[in_aadhaar]"),
        ("PAN ABCPE1234F", "PAN [in_pan]"),
        ("TFN 123456782 or 123 456 782", "TFN [au_tfn] or [au_tfn]"),
        ("ABN 51 824 753 556", "ABN [au_abn]"),
        ("529.982.247-25 e 11.222.333/0001-81 e 12.ABC.345/01DE-35", "[br_cpf] e [br_cnpj] e [br_cnpj]"),
    ]);
    harmless(&[
        "000-22-1234 666-22-1234 900-22-1234 536-00-1234 536-22-0000",
        "536221234",
        "9434765919",
        "401 023 2136",
        "12345678A",
        "RSSMRA85T10A562T",
        "44051401358",
        "2341 2341 2347",
        "v536-22-1234",
    ]);
}

#[test]
fn machines_and_urls() {
    check(&[
        ("from 192.168.1.20:5432", "from [ip_address]:5432"),
        ("2001:db8::8a2e:370:7334 and fe80::1%eth0 and ::1", "[ip_address] and [ip_address]%eth0 and [ip_address]"),
        ("00:1A:2b:3c:4d:5e 00-1A-2B-3C-4D-5E 001a.2b3c.4d5e", "[mac_address] [mac_address] [mac_address]"),
        ("postgres://app:s3cr3t@db.internal:5432/shop", "postgres://[url_credentials]@db.internal:5432/shop"),
        ("https://x:p@ss@mail.example.com/", "https://[url_credentials]@mail.example.com/"),
    ]);
    harmless(&[
        "1.2.3.4.5 and 1.2.3.400 and 01.2.3.4",
        "version 10.4.2.1",
        "std::vec::Vec a::b abc::def",
        "10:11:12.345",
        "ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67:89",
        "https://example.com:8080/a@b",
        "ssh://git@github.com/x",
    ]);
}

#[test]
fn keys_and_secrets() {
    // Put together here, so that no scanner of repositories takes them for real.
    let github = format!("ghp_{}", "a1B2c3D4e5".repeat(4).get(..36).expect("ASCII"));
    let stripe = format!("sk_{}_{}", "live", "4eC39HqLyjWDarjtT1zdp7dc");
    let pem = format!("-----BEGIN {0}-----\nMIIE/+a=\nAAAA\n-----END {0}-----", "RSA PRIVATE KEY");
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P";
    check(&[
        ("AKIAIOSFODNN7EXAMPLE", "[aws_key]"),
        (&format!("x {github}, y"), "x [github_token], y"),
        (&format!("KEY={stripe}"), "KEY=[stripe_key]"),
        (&format!("a {jwt} b"), "a [jwt] b"),
        (&format!("{pem}\nmore"), "[private_key]\nmore"),
        ("password=hunter2&user=x", "password=[secret]&user=x"),
        (r#"{"api_key": "f3a9c1d27be04458", "n": 1}"#, r#"{"api_key": "[secret]", "n": 1}"#),
        ("DB_PASSWORD='correct horse, battery'", "DB_PASSWORD='[secret]'"),
        ("Authorization: Bearer f3a9c1d27be04458.Zk79qLm2", "Authorization: Bearer [secret]"),
        ("the password is Tr0ub4dor&3", "the password is [secret]&3"),
    ]);
    harmless(&[
        "password: required",
        "password=${DB_PASSWORD}",
        "token: expired yesterday",
        "max_tokens=4096",
        "secret: 2026-11-29",
        "author: Smithson12",
        "password=[secret]",
        "basic authentication-is-required",
    ]);
}

#[test]
fn births() {
    check(&[
        ("born on 3 March 1980 in Rome", "born on [date_of_birth] in Rome"),
        ("DOB: 1980-03-03", "DOB: [date_of_birth]"),
        ("date of birth 03/14/1980.", "date of birth [date_of_birth]."),
        ("born March 3rd, 1980", "born [date_of_birth]"),
        (r#""birthDate":"19800303""#, r#""birthDate":"[date_of_birth]""#),
        ("geboren am 3. März 1980", "geboren am [date_of_birth]"),
    ]);
    harmless(&["created 1980-03-03", "born in 3 places", "dob: 1980-33-33", "released 3 March 1980"]);
}
