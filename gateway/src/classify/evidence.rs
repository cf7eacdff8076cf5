//! What speaks for a kind of value: the column's name, and what detectors find in its values.

use gateway_core::detect::{DetectConfig, Detectors, Finding, Scratch};
use std::collections::BTreeMap;

/// A kind of sensitive value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Email,
    PaymentCard,
    Iban,
    Phone,
    NationalId,
    BirthDate,
    Pay,
    Secret,
    PersonName,
    Address,
    Network,
    /// Text in which some of these are.
    FreeText,
}

impl Kind {
    /// The class that is proposed for it.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::PaymentCard => "payment-card",
            Self::Iban => "iban",
            Self::Phone => "phone",
            Self::NationalId => "national-id",
            Self::BirthDate => "birth-date",
            Self::Pay => "pay",
            Self::Secret => "secret",
            Self::PersonName => "person-name",
            Self::Address => "address",
            Self::Network => "network",
            Self::FreeText => "free-text",
        }
    }

    /// What a detector's rule finds.
    fn of_rule(rule: &str) -> Self {
        match rule {
            "email" => Self::Email,
            "payment_card" => Self::PaymentCard,
            "iban" => Self::Iban,
            "phone" => Self::Phone,
            "birth_date" | "date_of_birth" => Self::BirthDate,
            "ipv4" | "ipv6" | "ip_address" | "mac_address" => Self::Network,
            other
                if ["us_", "uk_", "es_", "it_", "pl_", "fi_", "in_", "au_", "br_"].iter().any(|land| other.starts_with(land)) =>
            {
                Self::NationalId
            }
            _ => Self::Secret,
        }
    }
}

/// Parts of names, and what they speak for; the first that fits counts.
const NAMES: [(&[&str], Kind); 11] = [
    (&["email", "e_mail", "mailaddress"], Kind::Email),
    (&["iban"], Kind::Iban),
    (&["card_number", "cardnumber", "credit_card", "card_no", "cc_number"], Kind::PaymentCard),
    (&["phone", "mobile", "telephone", "fax"], Kind::Phone),
    (&["ssn", "social_security", "national_id", "passport", "tax_id", "nino", "tax_number"], Kind::NationalId),
    (&["birth", "birthdate", "birthday", "born", "dob"], Kind::BirthDate),
    (&["salary", "wage", "income", "payroll"], Kind::Pay),
    (&["password", "passwd", "secret", "api_key", "apikey", "token", "private_key"], Kind::Secret),
    (
        &["first_name", "last_name", "firstname", "lastname", "surname", "full_name", "given_name", "family_name"],
        Kind::PersonName,
    ),
    (&["street", "postcode", "postal_code", "zip_code", "home_address"], Kind::Address),
    (&["ip_address", "client_ip", "remote_addr", "mac_address"], Kind::Network),
];

/// Values with findings, of a hundred, from which on a column is of that kind.
const MOSTLY: usize = 50;

/// What was seen of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The kind, where anything speaks for one.
    pub kind: Option<Kind>,
    /// Its name does.
    pub by_name: bool,
    /// Values that were looked at.
    pub sampled: usize,
    /// Of those, in how many a rule found something.
    pub found: BTreeMap<String, usize>,
}

/// The detectors, and their memory.
pub(super) struct Looker {
    detectors: Option<Detectors>,
    scratch: Option<Scratch>,
    findings: Vec<Finding>,
}

impl Looker {
    pub(super) fn new() -> Self {
        // The built-in rules can't be wrong; without them names still speak.
        let detectors = Detectors::new(&DetectConfig::default()).ok();
        let scratch = detectors.as_ref().map(Detectors::scratch);
        Self { detectors, scratch, findings: Vec::new() }
    }

    /// What speaks for the kind of a column of this name and type, with these values.
    pub(super) fn of<'v>(&mut self, name: &str, type_oid: u32, values: impl Iterator<Item = &'v str>) -> Evidence {
        let mut evidence = Evidence::default();
        let mut whole: BTreeMap<Kind, usize> = BTreeMap::new();
        for value in values {
            evidence.sampled += 1;
            let (Some(detectors), Some(scratch)) = (&self.detectors, &mut self.scratch) else { continue };
            self.findings.clear();
            detectors.find(value.as_bytes(), scratch, &mut self.findings);
            let mut rules: Vec<&str> = self.findings.iter().map(|finding| detectors.name(finding.rule)).collect();
            rules.sort_unstable();
            rules.dedup();
            rules.iter().for_each(|rule| *evidence.found.entry((*rule).to_owned()).or_default() += 1);
            if let [finding] = self.findings.as_slice()
                && finding.span.len() * 10 >= value.trim().len() * 8
            {
                *whole.entry(Kind::of_rule(detectors.name(finding.rule))).or_default() += 1;
            }
        }
        let text = matches!(type_oid, 18 | 19 | 25 | 114 | 142 | 1042 | 1043 | 3802);
        let by_value =
            whole.into_iter().max_by_key(|(_, count)| *count).filter(|(_, count)| count * 100 >= MOSTLY * evidence.sampled);
        let named = kind_of(name);
        evidence.by_name = named.is_some();
        evidence.kind =
            by_value.map(|(kind, _)| kind).or(named).or_else(|| (text && !evidence.found.is_empty()).then_some(Kind::FreeText));
        evidence
    }
}

/// What a name speaks for, whole parts of it counting: `mail_count` is no e-mail address, `born_on` a birthday.
fn kind_of(name: &str) -> Option<Kind> {
    let name = name.to_ascii_lowercase();
    if ["count", "_id", "is_", "has_", "verified", "type"].iter().any(|other| name.starts_with(other) || name.ends_with(other))
        && name != "tax_id"
        && name != "national_id"
    {
        return None;
    }
    let has = |part: &&str| {
        name.match_indices(*part).any(|(at, _)| {
            let before = name.as_bytes().get(at.wrapping_sub(1)).is_none_or(|byte| !byte.is_ascii_alphanumeric());
            let behind = name.as_bytes().get(at + part.len()).is_none_or(|byte| !byte.is_ascii_alphabetic());
            (at == 0 || before) && behind || part.len() >= 6
        })
    };
    NAMES.iter().find(|(parts, _)| parts.iter().any(has)).map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_speak_by_whole_parts() {
        for (name, kind) in [
            ("email", Some(Kind::Email)),
            ("work_email", Some(Kind::Email)),
            ("email_count", None),
            ("dob", Some(Kind::BirthDate)),
            ("adobe", None),
            ("faxes", None),
            ("birthdate", Some(Kind::BirthDate)),
            ("customer_id", None),
            ("tax_id", Some(Kind::NationalId)),
            ("is_email_verified", None),
        ] {
            assert_eq!(kind_of(name), kind, "{name}");
        }
    }

    #[test]
    fn values_speak_louder_than_names() {
        let mut looker = Looker::new();
        let addresses = ["ada@acme.example", "bob@acme.example", "eve@acme.example"];
        let evidence = looker.of("contact", 25, addresses.into_iter());
        assert_eq!((evidence.kind, evidence.by_name, evidence.sampled), (Some(Kind::Email), false, 3));
        let notes = ["called on Monday, will write to ada@acme.example about it", "nothing", "nothing"];
        assert_eq!(looker.of("notes", 25, notes.into_iter()).kind, Some(Kind::FreeText));
        assert_eq!(looker.of("total", 1700, ["12.50", "13.00"].into_iter()).kind, None);
    }
}
