//! XML as far as a response may use it: no document type, comments, CDATA or processing instructions; bounded; ids that are unique.

use super::Refusal;
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeSet;

/// Nodes of a document: elements, and texts between them.
const MOST_NODES: u32 = 20_000;
/// Attributes of an element.
const MOST_ATTRIBUTES: usize = 32;
/// Elements in elements.
const DEEPEST: usize = 32;
/// Names of attributes that readers take for ids.
const IDS: [&str; 3] = ["ID", "Id", "id"];

/// Reads a document.
pub(super) fn read(text: &str) -> Result<Document<'_>, Refusal> {
    check_markup(text)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => Refusal::Dtd,
        roxmltree::Error::NodesLimitReached
        | roxmltree::Error::AttributesLimitReached
        | roxmltree::Error::NamespacesLimitReached => Refusal::TooMany,
        _ => Refusal::NotXml,
    })?;
    check_bounds(&document)?;
    Ok(document)
}

/// In what is well-formed, `<` stands at the beginning of markup alone. So this sees all of it before any parser does.
fn check_markup(text: &str) -> Result<(), Refusal> {
    for (at, _) in text.match_indices('<') {
        let rest = text.get(at + 1..).unwrap_or_default();
        if rest.starts_with("!--") {
            return Err(Refusal::Comment);
        }
        if rest.starts_with("![CDATA[") {
            return Err(Refusal::Cdata);
        }
        if rest.starts_with('!') {
            return Err(Refusal::Dtd);
        }
        if rest.starts_with('?') {
            let is_declaration = at == 0 && rest.starts_with("?xml ");
            if !is_declaration {
                return Err(Refusal::ProcessingInstruction);
            }
            check_declaration(rest)?;
        }
    }
    Ok(())
}

/// An XML declaration may say that the text is what it is, and nothing else.
fn check_declaration(text: &str) -> Result<(), Refusal> {
    let (declaration, _) = text.split_once("?>").ok_or(Refusal::NotXml)?;
    let Some((_, encoding)) = declaration.split_once("encoding") else { return Ok(()) };
    let encoding = encoding.trim_start().strip_prefix('=').ok_or(Refusal::NotXml)?.trim_start();
    let quoted = ["\"utf-8\"", "'utf-8'"];
    let is_known = quoted.iter().any(|known| encoding.get(..known.len()).is_some_and(|it| it.eq_ignore_ascii_case(known)));
    if is_known { Ok(()) } else { Err(Refusal::NotUtf8) }
}

fn check_bounds(document: &Document<'_>) -> Result<(), Refusal> {
    let mut ids = BTreeSet::new();
    let mut waiting = vec![(document.root(), 0)];
    while let Some((node, depth)) = waiting.pop() {
        if depth > DEEPEST {
            return Err(Refusal::TooDeep);
        }
        if node.is_comment() {
            return Err(Refusal::Comment);
        }
        if node.is_pi() {
            return Err(Refusal::ProcessingInstruction);
        }
        if node.attributes().len() > MOST_ATTRIBUTES {
            return Err(Refusal::TooMany);
        }
        // Namespaces in XML 1.0 §5: a prefix can't be undeclared, though readers let it be. What has it would have no canonical form.
        if node.is_element() && node.namespaces().any(|namespace| namespace.name().is_some() && namespace.uri().is_empty()) {
            return Err(Refusal::NotXml);
        }
        let own = node.attributes().filter(|attribute| IDS.contains(&attribute.name()));
        for id in own {
            if !ids.insert(id.value()) {
                return Err(Refusal::TwiceId);
            }
        }
        waiting.extend(node.children().map(|child| (child, depth + 1)));
    }
    Ok(())
}

/// Whether a node is that element.
pub(super) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name && node.tag_name().namespace() == Some(namespace)
}

/// The elements that a node has in it.
pub(super) fn elements<'a, 'i>(node: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(Node::is_element)
}

/// The children of that name.
pub(super) fn named<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    elements(node).filter(move |child| is(*child, namespace, name))
}

/// The one child of that name; none where there are others of it, too.
pub(super) fn only<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    let mut all = named(node, namespace, name);
    all.next().filter(|_| all.next().is_none())
}

/// An attribute that has no namespace.
pub(super) fn attribute<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.attributes().find(|attribute| attribute.namespace().is_none() && attribute.name() == name).map(|found| found.value())
}

/// All the text of an element; none where it has elements in it.
pub(super) fn text(node: Node<'_, '_>) -> Option<String> {
    node.children().map(|child| child.is_text().then(|| child.text()).flatten()).collect()
}
