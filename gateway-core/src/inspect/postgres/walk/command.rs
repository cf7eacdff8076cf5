//! Commands in the words of the server's tag.

use pg_query::protobuf::ObjectType;

/// What is done to an object of some type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Create,
    Alter,
    Drop,
}

/// `CREATE TABLE`, `ALTER TABLE`, `DROP TABLE` …; none for a type that has no such command.
pub(super) const fn command(verb: Verb, object: ObjectType) -> Option<&'static str> {
    macro_rules! words {
        ($word:literal) => {
            match verb {
                Verb::Create => concat!("CREATE ", $word),
                Verb::Alter => concat!("ALTER ", $word),
                Verb::Drop => concat!("DROP ", $word),
            }
        };
    }
    Some(match object {
        ObjectType::ObjectAccessMethod => words!("ACCESS METHOD"),
        ObjectType::ObjectAggregate => words!("AGGREGATE"),
        ObjectType::ObjectAttribute | ObjectType::ObjectType => words!("TYPE"),
        ObjectType::ObjectCast => words!("CAST"),
        ObjectType::ObjectCollation => words!("COLLATION"),
        ObjectType::ObjectColumn | ObjectType::ObjectTable | ObjectType::ObjectTabconstraint => words!("TABLE"),
        ObjectType::ObjectConversion => words!("CONVERSION"),
        ObjectType::ObjectDatabase => words!("DATABASE"),
        ObjectType::ObjectDomain | ObjectType::ObjectDomconstraint => words!("DOMAIN"),
        ObjectType::ObjectEventTrigger => words!("EVENT TRIGGER"),
        ObjectType::ObjectExtension => words!("EXTENSION"),
        ObjectType::ObjectFdw => words!("FOREIGN DATA WRAPPER"),
        ObjectType::ObjectForeignServer => words!("SERVER"),
        ObjectType::ObjectForeignTable => words!("FOREIGN TABLE"),
        ObjectType::ObjectFunction => words!("FUNCTION"),
        ObjectType::ObjectIndex => words!("INDEX"),
        ObjectType::ObjectLanguage => words!("LANGUAGE"),
        ObjectType::ObjectLargeobject => words!("LARGE OBJECT"),
        ObjectType::ObjectMatview => words!("MATERIALIZED VIEW"),
        ObjectType::ObjectOpclass => words!("OPERATOR CLASS"),
        ObjectType::ObjectOperator => words!("OPERATOR"),
        ObjectType::ObjectOpfamily => words!("OPERATOR FAMILY"),
        ObjectType::ObjectPolicy => words!("POLICY"),
        ObjectType::ObjectProcedure => words!("PROCEDURE"),
        ObjectType::ObjectPublication => words!("PUBLICATION"),
        ObjectType::ObjectRole => words!("ROLE"),
        ObjectType::ObjectRoutine => words!("ROUTINE"),
        ObjectType::ObjectRule => words!("RULE"),
        ObjectType::ObjectSchema => words!("SCHEMA"),
        ObjectType::ObjectSequence => words!("SEQUENCE"),
        ObjectType::ObjectStatisticExt => words!("STATISTICS"),
        ObjectType::ObjectSubscription => words!("SUBSCRIPTION"),
        ObjectType::ObjectTablespace => words!("TABLESPACE"),
        ObjectType::ObjectTransform => words!("TRANSFORM"),
        ObjectType::ObjectTrigger => words!("TRIGGER"),
        ObjectType::ObjectTsconfiguration => words!("TEXT SEARCH CONFIGURATION"),
        ObjectType::ObjectTsdictionary => words!("TEXT SEARCH DICTIONARY"),
        ObjectType::ObjectTsparser => words!("TEXT SEARCH PARSER"),
        ObjectType::ObjectTstemplate => words!("TEXT SEARCH TEMPLATE"),
        ObjectType::ObjectUserMapping => words!("USER MAPPING"),
        ObjectType::ObjectView => words!("VIEW"),
        ObjectType::Undefined
        | ObjectType::ObjectAmop
        | ObjectType::ObjectAmproc
        | ObjectType::ObjectDefault
        | ObjectType::ObjectDefacl
        | ObjectType::ObjectParameterAcl
        | ObjectType::ObjectPublicationNamespace
        | ObjectType::ObjectPublicationRel => return None,
    })
}
