//! The canaries: values that are nowhere but in classed columns, another set in each state of the database.

use std::fmt::Write as _;

/// How many customers there are.
pub(super) const CUSTOMERS: u64 = 5;

/// One of the two states of the database, which differ in nothing but values of classed columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The one that attempts are made for: guesses in their texts are of its values.
    Ada,
    /// The other: all of its values are others, of other lengths and in another order.
    Bob,
}

impl State {
    /// Letters that are no word: of `what`, for `row`.
    #[must_use]
    pub fn letters(self, what: &str, row: u64) -> String {
        const LETTERS: &[u8] = b"bcdfghjkmnpqrtvwxz";
        let (seed, length) = match self {
            Self::Ada => (1, 12),
            // Longer, so that lengths tell the states apart too.
            Self::Bob => (2, 15),
        };
        let mut numbers = Numbers::of(seed, what, row);
        // The first letter orders rows: upwards in one state, downwards in the other.
        let first = match self {
            Self::Ada => row % 9,
            Self::Bob => 17 - row % 9,
        };
        let rest = (1..length).map(|_| numbers.next() % 18);
        std::iter::once(first)
            .chain(rest)
            .filter_map(|at| LETTERS.get(usize::try_from(at).ok()?))
            .map(|byte| char::from(*byte))
            .collect()
    }

    /// So many digits, the first of which is not 0.
    #[must_use]
    pub fn digits(self, what: &str, row: u64, count: usize) -> String {
        let seed = if self == Self::Ada { 3 } else { 4 };
        let mut numbers = Numbers::of(seed, what, row);
        let first = if self == Self::Ada { row } else { 9 - row };
        std::iter::once(first).chain((1..count).map(|_| numbers.next() % 10)).map(|digit| digit.to_string()).collect()
    }

    /// A customer's e-mail address.
    #[must_use]
    pub fn email(self, row: u64) -> String {
        format!("{}@{}.example", self.letters("email", row), self.letters("domain", row))
    }

    /// Somebody's number in `table`. Its last four characters are the same in both states.
    #[must_use]
    pub fn ssn(self, table: &str, row: u64) -> String {
        format!("{}-{}", self.letters(table, row), 4470 + row)
    }

    /// A birthday as ISO 8601 has it.
    #[must_use]
    pub fn born(self, row: u64) -> String {
        match self {
            Self::Ada => format!("{}-02-1{}", 1930 + row, row),
            Self::Bob => format!("{}-11-2{}", 1960 - row, row),
        }
    }

    /// When a customer was last seen, in UTC.
    #[must_use]
    pub fn seen(self, row: u64) -> String {
        let micros = self.digits("seen", row, 6);
        match self {
            Self::Ada => format!("{}-03-0{row} 07:3{row}:11.{micros}+00", 1971 + row),
            Self::Bob => format!("{}-08-1{row} 19:4{row}:53.{micros}+00", 1991 - row),
        }
    }

    /// A salary.
    #[must_use]
    pub fn salary(self, row: u64) -> String {
        format!("{}.{}", self.digits("salary", row, 12), if self == Self::Ada { "25" } else { "75" })
    }

    /// A number of ten digits that an `int` can hold.
    #[must_use]
    pub fn pin(self, row: u64) -> String {
        // 1ddddddddd is always less than 2^31.
        format!("1{}", self.digits("pin", row, 9))
    }

    /// A UUID.
    #[must_use]
    pub fn token(self, row: u64) -> String {
        let mut numbers = Numbers::of(if self == Self::Ada { 5 } else { 6 }, "token", row);
        let hex = format!("{:016x}{:016x}", numbers.next(), numbers.next());
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }

    /// An address.
    #[must_use]
    pub fn addr(self, row: u64) -> String {
        if self == Self::Ada { format!("10.117.203.13{row}") } else { format!("172.28.91.22{row}") }
    }

    /// The statements that put this state's values into the tables.
    #[must_use]
    pub fn data(self) -> String {
        let mut sql = String::from("SET ROLE app;\n");
        for row in 1..=CUSTOMERS {
            self.customer(row, &mut sql);
            writeln!(sql, "INSERT INTO logins VALUES ({row}, '{}', '2024-01-0{row} 00:00:00+00');", self.email(row)).ok();
            writeln!(sql, "INSERT INTO persons VALUES ({row}, '{}');", self.ssn("persons", row)).ok();
            writeln!(sql, "INSERT INTO staff VALUES ({}, '{}', 'desk {row}');", 10 + row, self.ssn("staff", row)).ok();
            writeln!(sql, "INSERT INTO \"Odd Table\" VALUES ({row}, '{}', 'free {row}');", self.letters("odd", row)).ok();
            writeln!(sql, "INSERT INTO derived (id, ssn) VALUES ({row}, '{}');", self.ssn("derived", row)).ok();
            writeln!(sql, "INSERT INTO bare VALUES ({row}, 'label {row}', '{}');", self.ssn("bare", row)).ok();
            for (base, table) in [(0, "low"), (100, "high")] {
                let ssn = self.ssn(table, row);
                writeln!(sql, "INSERT INTO people VALUES ({}, '{ssn}', '{}');", base + row, self.born(row)).ok();
            }
        }
        let odd = if self == Self::Ada { 1 } else { 0 };
        for row in 1..=4 {
            // Where a value is missing tells the states apart, and nothing else of this table does.
            let (secret, wage) = if row % 2 == odd { ("'same'", "7") } else { ("NULL", "NULL") };
            writeln!(sql, "INSERT INTO maybe VALUES ({row}, {secret}, {wage});").ok();
        }
        sql.push_str(PLAIN);
        sql
    }

    fn customer(self, row: u64, sql: &mut String) {
        let text = |what: &str| self.letters(what, row);
        let values = [
            row.to_string(),
            format!("'Customer {row}'"),
            format!("'{}'", ["Lund", "Bergen", "Turku"].get(usize::try_from(row % 3).unwrap_or(0)).unwrap_or(&"Lund")),
            format!("'{}'", self.email(row)),
            format!("'{}'", self.ssn("customers", row)),
            format!("'{}'", self.digits("code", row, 18)),
            format!("'{}'", self.born(row)),
            format!("'{}'", self.seen(row)),
            self.salary(row),
            self.pin(row),
            format!("'{}'", self.token(row)),
            format!("'{}'", self.digits("card", row, 16)),
            format!(
                "'{{\"note\": \"{}\", \"n\": {}, \"inner\": [\"{}\"]}}'",
                text("notes"),
                self.digits("note", row, 11),
                text("inner")
            ),
            format!("'{{{},x,{}}}'", text("tags"), text("tags2")),
            format!("'{}'", text("blob")),
            format!("'{}'", self.addr(row)),
            format!("'Reads {} at night, and calls {}.'", text("bio"), text("friend")),
        ];
        writeln!(sql, "INSERT INTO customers VALUES ({});", values.join(", ")).ok();
    }
}

/// What is the same in both states.
const PLAIN: &str = "
INSERT INTO orders SELECT n, 1 + n % 5, n * 10, date '2024-01-01' + n, 'order ' || n FROM generate_series(1, 20) n;
INSERT INTO plain SELECT n, 'label ' || n, n * 1.5, '2024-01-01 00:00:00+00', jsonb_build_object('n', n, 'list', jsonb_build_array(n, 'x')),
  ARRAY[n, n + 1], decode(lpad(to_hex(n), 4, '0'), 'hex') FROM generate_series(1, 12) n;
REFRESH MATERIALIZED VIEW mails;
REFRESH MATERIALIZED VIEW totals;
RESET ROLE;
ANALYZE;
CHECKPOINT;
";

/// Numbers that look like chance and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn of(seed: u64, what: &str, row: u64) -> Self {
        let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let start = what.bytes().chain(row.to_be_bytes()).chain(seed.to_be_bytes()).fold(0xcbf2_9ce4_8422_2325, hash);
        Self(start)
    }

    /// The next one (splitmix64).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_have_no_value_in_common() {
        for row in 1..=CUSTOMERS {
            for value in [State::email, State::salary, State::pin, State::token, State::born, State::seen, State::addr] {
                assert_ne!(value(State::Ada, row), value(State::Bob, row));
            }
            assert_ne!(State::Ada.email(row).len(), State::Bob.email(row).len());
            assert!(State::Ada.pin(row).parse::<i32>().is_ok() && State::Bob.pin(row).parse::<i32>().is_ok());
            assert!(State::Ada.email(row).len() <= 80 && State::Bob.email(row).len() <= 80);
        }
    }
}
