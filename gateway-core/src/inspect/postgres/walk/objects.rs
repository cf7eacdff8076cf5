//! Objects that a statement names by a list of strings, a type or a signature: DROP, COMMENT, ALTER … RENAME.

use super::expression::kind_of;
use super::{Part, Walk};
use crate::inspect::postgres::names;
use crate::inspect::{Action, Object};
use pg_query::protobuf::{Node, ObjectType, node::Node as Kind};

impl Walk {
    /// `action` on an object of a type, as the grammar names objects of that type.
    ///
    /// Policies know relations, functions and schemas. What else lives in a schema counts for the
    /// schema, or for the target where the search path decides; what lives in none, for the target.
    /// Extensions, languages, servers, roles and their like are administered, whatever the action.
    pub(super) fn object(&mut self, action: Action, kind: ObjectType, node: Option<&Node>) {
        let Some(node) = node else { return self.trouble("a statement without its object") };
        node.walk(self);
        match kind {
            ObjectType::ObjectTable
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectIndex
            | ObjectType::ObjectSequence
            | ObjectType::ObjectForeignTable => self.named_relation(action, node, 0),
            ObjectType::ObjectColumn
            | ObjectType::ObjectRule
            | ObjectType::ObjectTrigger
            | ObjectType::ObjectPolicy
            | ObjectType::ObjectTabconstraint => self.named_relation(action, node, 1),
            ObjectType::ObjectFunction
            | ObjectType::ObjectAggregate
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectRoutine => match &node.node {
                Some(Kind::ObjectWithArgs(signature)) => self.function(action, &signature.objname),
                _ => self.trouble(format!("a function that is named by {}", kind_of(node))),
            },
            ObjectType::ObjectSchema => match &node.node {
                Some(Kind::String(schema)) => self.access(action, Object::Schema(names::name(&schema.sval))),
                _ => self.trouble(format!("a schema that is named by {}", kind_of(node))),
            },
            ObjectType::ObjectType
            | ObjectType::ObjectDomain
            | ObjectType::ObjectAttribute
            | ObjectType::ObjectDomconstraint
            | ObjectType::ObjectOperator
            | ObjectType::ObjectCollation
            | ObjectType::ObjectConversion
            | ObjectType::ObjectStatisticExt
            | ObjectType::ObjectTsconfiguration
            | ObjectType::ObjectTsdictionary
            | ObjectType::ObjectTsparser
            | ObjectType::ObjectTstemplate => self.named_in_schema(action, node, 0),
            // Their list begins with the access method.
            ObjectType::ObjectOpclass | ObjectType::ObjectOpfamily => self.named_in_schema(action, node, 1),
            ObjectType::ObjectCast | ObjectType::ObjectTransform | ObjectType::ObjectLargeobject => self.on_target(action),
            ObjectType::ObjectAccessMethod
            | ObjectType::ObjectDatabase
            | ObjectType::ObjectEventTrigger
            | ObjectType::ObjectExtension
            | ObjectType::ObjectFdw
            | ObjectType::ObjectForeignServer
            | ObjectType::ObjectLanguage
            | ObjectType::ObjectParameterAcl
            | ObjectType::ObjectPublication
            | ObjectType::ObjectRole
            | ObjectType::ObjectSubscription
            | ObjectType::ObjectTablespace
            | ObjectType::ObjectUserMapping => self.on_target(Action::Administer),
            ObjectType::Undefined
            | ObjectType::ObjectAmop
            | ObjectType::ObjectAmproc
            | ObjectType::ObjectDefault
            | ObjectType::ObjectDefacl
            | ObjectType::ObjectPublicationNamespace
            | ObjectType::ObjectPublicationRel => self.trouble("an object of an unknown type"),
        }
    }

    /// A relation by a list of strings, of which the last `behind` name something of it.
    fn named_relation(&mut self, action: Action, node: &Node, behind: usize) {
        let Some(Kind::List(list)) = &node.node else {
            return self.trouble(format!("a relation that is named by {}", kind_of(node)));
        };
        let relation = list.items.len().checked_sub(behind).and_then(|end| list.items.get(..end));
        match relation.and_then(names::listed) {
            Some(name) => {
                self.written.insert(name.clone());
                self.access(action, Object::Relation(name));
            }
            None => self.trouble("a relation's name is not a name"),
        }
    }

    /// Something in a schema, by a list, a type or a signature; `before` of the list's strings are not its name.
    fn named_in_schema(&mut self, action: Action, node: &Node, before: usize) {
        match &node.node {
            Some(Kind::List(list)) => match list.items.as_slice() {
                // A constraint of a domain: the domain, and the constraint's name.
                [Node { node: Some(Kind::TypeName(domain)) }, _] => self.in_schema(action, &domain.names),
                items => self.in_schema(action, items.get(before..).unwrap_or_default()),
            },
            Some(Kind::TypeName(type_name)) => self.in_schema(action, &type_name.names),
            Some(Kind::ObjectWithArgs(signature)) => self.in_schema(action, &signature.objname),
            _ => self.trouble(format!("an object that is named by {}", kind_of(node))),
        }
    }
}
