//! The closed sets of the index, as numbers of its tables and as words.

use crate::evidence::State;
use crate::evidence::Summary;
use serde::{Deserialize, Serialize};

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $number:literal, $word:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name {
            $($(#[$of])* $variant,)*
        }

        impl $name {
            /// Its number in the tables: never another one.
            #[must_use]
            pub const fn number(self) -> i64 {
                match self {
                    $(Self::$variant => $number,)*
                }
            }

            /// The one of that number.
            #[must_use]
            pub const fn of_number(number: i64) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// Its word.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }
    };
}

numbered! {
    /// What a record is of.
    Of {
        /// A session.
        Session = 0, "session";
        /// The gateway itself.
        Gateway = 1, "gateway";
        /// A run's names, or what the kernel side refused it.
        Run = 2, "run";
        /// It can't be told: its first frame can't be read.
        Unknown = 3, "unknown";
    }
}

numbered! {
    /// What sessions have to do with.
    Kind {
        /// A relation, a function, a schema, or the target.
        Object = 1, "object";
        /// Why a session ended.
        Reason = 2, "reason";
        /// A statement's text, without its literals.
        Statement = 3, "statement";
        /// A class of sensitive values.
        Class = 4, "class";
        /// The hash of a policy set.
        PolicySet = 5, "policy-set";
    }
}

numbered! {
    /// What was done with it.
    Verb {
        /// Nothing but that it was there.
        Had = 0, "had";
        /// As policy has it.
        Read = 1, "read";
        /// As policy has it.
        Write = 2, "write";
        /// As policy has it.
        Define = 3, "define";
        /// As policy has it.
        Administer = 4, "administer";
        /// As policy has it.
        Call = 5, "call";
        /// As policy has it.
        Session = 6, "session";
        /// Something that this version has no word for.
        Other = 7, "other";
        /// Of a class: it was masked.
        Masked = 20, "masked";
        /// Of a class: it was shown as it is.
        Clear = 21, "clear";
    }
}

numbered! {
    /// What came of it.
    Outcome {
        /// Nothing was decided.
        Unasked = 0, "unasked";
        /// It was allowed.
        Allowed = 1, "allowed";
        /// It was refused.
        Denied = 2, "denied";
        /// It waited for people.
        Held = 3, "held";
        /// It was let through, and enforcing would have refused it.
        WouldRefuse = 4, "would-refuse";
    }
}

numbered! {
    /// Whether a session changed anything at its target.
    Wrote {
        /// Nothing that weir looks into.
        No = 0, "no";
        /// It did.
        Yes = 1, "yes";
        /// It can't be told: the protocol is not looked into, code ran that nobody reviewed, or a statement was not understood.
        Unknown = 2, "unknown";
    }
}

impl Of {
    /// What the record with this summary is of.
    #[must_use]
    pub fn record(summary: &Summary) -> Self {
        if summary.is_session() {
            Self::Session
        } else if summary.original.is_some() {
            Self::Gateway
        } else if summary.is_of_a_run() {
            Self::Run
        } else {
            Self::Unknown
        }
    }
}

impl Verb {
    /// The action that a record's access begins with.
    pub(super) fn of_action(word: &str) -> Self {
        let all = [Self::Read, Self::Write, Self::Define, Self::Administer, Self::Call, Self::Session];
        all.into_iter().find(|verb| verb.name() == word).unwrap_or(Self::Other)
    }
}

impl Wrote {
    /// Of two findings the one that says more.
    pub(super) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::No, Self::No) => Self::No,
        }
    }
}

/// The number of a record's state: the partial index is over all but 1.
pub(super) const fn state_number(state: State) -> i64 {
    match state {
        State::Ended => 1,
        State::Live => 2,
        State::Unclosed => 3,
        State::Damaged => 4,
    }
}

pub(super) const fn state_of(number: i64) -> State {
    match number {
        1 => State::Ended,
        2 => State::Live,
        3 => State::Unclosed,
        _ => State::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_are_each_others() {
        for verb in ["read", "write", "define", "administer", "call", "session"] {
            assert_eq!(Verb::of_action(verb).name(), verb);
        }
        assert_eq!(Verb::of_action("reveal"), Verb::Other);
        for number in 0..64 {
            assert!(Verb::of_number(number).is_none_or(|verb| verb.number() == number));
            assert!(Outcome::of_number(number).is_none_or(|outcome| outcome.number() == number));
        }
        for state in [State::Live, State::Ended, State::Unclosed, State::Damaged] {
            assert_eq!(state_of(state_number(state)), state);
        }
        assert_eq!(Wrote::No.or(Wrote::Unknown).or(Wrote::Yes), Wrote::Yes);
        assert_eq!(Wrote::Unknown.or(Wrote::No), Wrote::Unknown);
    }
}
