//! The built-in types, by their fixed OIDs (`pg_type.dat`), and what a type modifier limits.

/// The first OID that a database gives to what its users make (`FirstNormalObjectId`).
const FIRST_OF_USERS: u32 = 16384;
/// What functions return that return nothing: always written as an empty text (`void_out`, `void_send`).
pub(super) const VOID: u32 = 2278;
/// What stands before the length in a character type's modifier.
const MODIFIER_HEADER: i32 = 4;
/// Bytes that a `name` has room for.
const NAME_BYTES: usize = 63;

/// Types whose values are written alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `text`, `varchar`, `bpchar`, `name` and the pseudo-types of literals.
    Text,
    Xml,
    Json,
    Jsonb,
    Integer(Width),
    Numeric,
    Float4,
    Float8,
    Bool,
    Bytea,
    Date,
    Timestamp,
    TimestampTz,
    Uuid,
    /// A built-in type of which a value is either shown, a constant or NULL.
    Plain(Plain),
    /// A type that is not built in: of its text nothing is known.
    Foreign,
}

/// Integers by how much they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Two,
    Four,
    Eight,
    /// Four bytes without a sign.
    Oid,
}

/// Types of which only constants are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Time,
    Inet,
    Cidr,
    /// Of so many bytes.
    Hardware(u8),
    /// `bit` is as long as its modifier says, `bit varying` at most.
    Bits {
        exact: bool,
    },
    /// Of these not even constants.
    Opaque,
}

/// A type as masks see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) name: &'static str,
    pub(super) family: Family,
    /// Of an array, the OID of its elements, whose family it is.
    pub(super) element: Option<u32>,
}

/// OID, OID of the array of it, name, family.
const BUILT_IN: [(u32, u32, &str, Family); 33] = [
    (16, 1000, "boolean", Family::Bool),
    (17, 1001, "bytea", Family::Bytea),
    (19, 1003, "name", Family::Text),
    (20, 1016, "bigint", Family::Integer(Width::Eight)),
    (21, 1005, "smallint", Family::Integer(Width::Two)),
    (23, 1007, "integer", Family::Integer(Width::Four)),
    (25, 1009, "text", Family::Text),
    (26, 1028, "oid", Family::Integer(Width::Oid)),
    (114, 199, "json", Family::Json),
    (142, 143, "xml", Family::Xml),
    (650, 651, "cidr", Family::Plain(Plain::Cidr)),
    (700, 1021, "real", Family::Float4),
    (701, 1022, "double precision", Family::Float8),
    // Literals that nothing gave a type, and what functions of the server take: there is no column of either.
    (705, 705, "unknown", Family::Text),
    (2275, 1263, "cstring", Family::Text),
    (774, 775, "macaddr8", Family::Plain(Plain::Hardware(8))),
    (790, 791, "money", Family::Plain(Plain::Opaque)),
    (829, 1040, "macaddr", Family::Plain(Plain::Hardware(6))),
    (869, 1041, "inet", Family::Plain(Plain::Inet)),
    (1042, 1014, "character", Family::Text),
    (1043, 1015, "character varying", Family::Text),
    (1082, 1182, "date", Family::Date),
    (1083, 1183, "time", Family::Plain(Plain::Time)),
    (1114, 1115, "timestamp", Family::Timestamp),
    (1184, 1185, "timestamp with time zone", Family::TimestampTz),
    (1186, 1187, "interval", Family::Plain(Plain::Opaque)),
    (1266, 1270, "time with time zone", Family::Plain(Plain::Opaque)),
    (1560, 1561, "bit", Family::Plain(Plain::Bits { exact: true })),
    (1562, 1563, "bit varying", Family::Plain(Plain::Bits { exact: false })),
    (1700, 1231, "numeric", Family::Numeric),
    (2950, 2951, "uuid", Family::Uuid),
    (3802, 3807, "jsonb", Family::Jsonb),
    (18, 1002, "\"char\"", Family::Plain(Plain::Opaque)),
];

impl Type {
    /// The type of this OID.
    pub(super) fn of(oid: u32) -> Self {
        let found = BUILT_IN.iter().find(|(scalar, array, ..)| *scalar == oid || *array == oid);
        match found {
            Some((scalar, _, name, family)) => Self { name, family: *family, element: (*scalar != oid).then_some(*scalar) },
            None if oid >= FIRST_OF_USERS => Self { name: "a type that is not built in", family: Family::Foreign, element: None },
            None => Self { name: "this type", family: Family::Plain(Plain::Opaque), element: None },
        }
    }

    /// The OID of its values or, of an array, of its elements.
    pub(super) fn scalar(self, oid: u32) -> u32 {
        self.element.unwrap_or(oid)
    }
}

/// How much a value of a text type may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) characters: Option<usize>,
    pub(super) bytes: Option<usize>,
    /// Whether blanks at the end are padding (`bpchar`).
    pub(super) padded: bool,
}

impl Room {
    /// What the type of this OID and modifier has room for.
    pub(super) fn of(scalar_oid: u32, modifier: i32) -> Self {
        let characters = usize::try_from(modifier.saturating_sub(MODIFIER_HEADER)).ok();
        match scalar_oid {
            19 => Self { bytes: Some(NAME_BYTES), ..Self::default() },
            1042 => Self { characters, padded: true, bytes: None },
            1043 => Self { characters, ..Self::default() },
            _ => Self::default(),
        }
    }
}

/// A numeric's precision and scale, in decimal digits, where its modifier has them.
pub(super) fn precision(modifier: i32) -> Option<(i32, i32)> {
    let packed = modifier.checked_sub(MODIFIER_HEADER).filter(|packed| *packed >= 0)?;
    // The scale has eleven bits, the highest of which is its sign.
    let scale = packed & 0x7ff;
    Some((packed >> 16 & 0xffff, if scale >= 0x400 { scale - 0x800 } else { scale }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use postgres_types::{Kind, Type as Known};

    #[test]
    fn the_table_says_what_the_servers_catalog_says() {
        for (scalar, array, ..) in BUILT_IN {
            let known = Known::from_oid(scalar).unwrap();
            if scalar == array {
                continue;
            }
            assert_eq!(Known::from_oid(array).unwrap().kind(), &Kind::Array(known), "{array}");
            assert_eq!(Type::of(array).element, Some(scalar));
            assert_eq!(Type::of(array).family, Type::of(scalar).family);
        }
        assert_eq!(Type::of(3904).family, Family::Plain(Plain::Opaque));
        assert_eq!(Type::of(16385).family, Family::Foreign);
    }

    #[test]
    fn modifiers_are_read_as_the_server_packs_them() {
        assert_eq!(Room::of(1043, 14).characters, Some(10));
        assert_eq!(Room::of(1043, -1).characters, None);
        assert_eq!(precision((10 << 16 | 2) + 4), Some((10, 2)));
        assert_eq!(precision((2 << 16 | (-3_i32 & 0x7ff)) + 4), Some((2, -3)));
        assert_eq!(precision(-1), None);
    }
}
