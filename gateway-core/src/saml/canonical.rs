//! Exclusive XML Canonicalization 1.0 of an element and all that is in it, for documents without comments and processing instructions.

use roxmltree::{Node, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// What `element` is as octets, without the element `left_out` in it. `prefixes` are those of `InclusiveNamespaces`, the default
/// namespace's as an empty text.
pub(super) fn exclusive(element: Node<'_, '_>, left_out: Option<NodeId>, prefixes: &BTreeSet<&str>) -> String {
    let mut writer = Writer { out: String::new(), left_out, prefixes };
    writer.element(element, &BTreeMap::new());
    writer.out
}

struct Writer<'p> {
    out: String,
    left_out: Option<NodeId>,
    prefixes: &'p BTreeSet<&'p str>,
}

impl Writer<'_> {
    /// `shown` has the namespaces that elements around it have declared in the output. How deep elements are is bounded.
    fn element<'a>(&mut self, element: Node<'a, '_>, shown: &BTreeMap<String, &'a str>) {
        let name = qualified(element);
        let mut attributes: Vec<_> = element
            .attributes()
            .map(|attribute| {
                let name = source(element, attribute.range_qname());
                (attribute.namespace().unwrap_or_default(), attribute.name(), name, attribute.value())
            })
            .collect();
        attributes.sort_unstable_by_key(|(namespace, local, ..)| (*namespace, *local));
        // §3: what the element and its attributes use, and the listed ones as far as there are any.
        let mut used = BTreeSet::from([prefix(name).unwrap_or_default()]);
        used.extend(attributes.iter().filter_map(|(_, _, name, _)| prefix(name)));
        used.extend(self.prefixes.iter().filter(|prefix| in_scope(element, prefix).is_some()));
        used.remove("xml");
        let mut declared = shown.clone();
        let mut declarations = Vec::new();
        for prefix in used {
            let uri = in_scope(element, prefix).unwrap_or_default();
            if declared.get(prefix).copied().unwrap_or_default() != uri {
                declarations.push((prefix, uri));
                declared.insert(prefix.to_owned(), uri);
            }
        }
        self.out.push('<');
        self.out.push_str(name);
        for (prefix, uri) in declarations {
            self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.out.push_str(prefix);
            self.value(uri);
        }
        for (_, _, name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.value(value);
        }
        self.out.push('>');
        for child in element.children() {
            if child.is_element() && Some(child.id()) != self.left_out {
                self.element(child, &declared);
            } else if child.is_text() {
                self.text(child.text().unwrap_or_default());
            }
        }
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }

    fn value(&mut self, value: &str) {
        self.out.push_str("=\"");
        for letter in value.chars() {
            match letter {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '"' => self.out.push_str("&quot;"),
                '\t' => self.out.push_str("&#x9;"),
                '\n' => self.out.push_str("&#xA;"),
                '\r' => self.out.push_str("&#xD;"),
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }

    fn text(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\r' => self.out.push_str("&#xD;"),
                other => self.out.push(other),
            }
        }
    }
}

/// The namespace that a prefix stands for there, the default one's for an empty prefix.
fn in_scope<'a>(element: Node<'a, '_>, prefix: &str) -> Option<&'a str> {
    let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
    element.lookup_namespace_uri(prefix)
}

/// An element's name as it is written, which a tree of names without prefixes does not have.
fn qualified<'a>(element: Node<'a, '_>) -> &'a str {
    let tag = source(element, element.range()).get(1..).unwrap_or_default();
    let end = tag.find([' ', '\t', '\r', '\n', '/', '>']).unwrap_or(tag.len());
    tag.get(..end).unwrap_or_default()
}

fn source<'a>(element: Node<'a, '_>, range: std::ops::Range<usize>) -> &'a str {
    element.document().input_text().get(range).unwrap_or_default()
}

fn prefix(name: &str) -> Option<&str> {
    name.split_once(':').map(|(prefix, _)| prefix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    fn check(text: &str, element: &str, prefixes: &[&str], expected: &str) {
        let document = Document::parse(text).unwrap();
        let found = document.descendants().find(|node| node.is_element() && qualified(*node) == element).unwrap();
        let prefixes: BTreeSet<_> = prefixes.iter().copied().collect();
        let canonical = exclusive(found, None, &prefixes);
        assert_eq!(canonical, expected);
        let again = Document::parse(&canonical).unwrap();
        assert_eq!(exclusive(again.root_element(), None, &prefixes), canonical, "it stays what it is");
    }

    /// Exclusive XML Canonicalization 1.0, §2.1 and §2.2.
    #[test]
    fn the_examples_of_exclusive_canonicalization_hold() {
        let one = r#"<n0:local xmlns:n0="http://something.org" xmlns:n3="ftp://example.org"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n0:local>"#;
        let same = r#"<n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>"#;
        check(one, "n1:elem2", &[], same);
        let two = r#"<n2:pdu xmlns:n1="http://example.com" xmlns:n2="http://foo.example" xmlns:n4="http://foo.example" xml:lang="fr" xml:space="retain"><n1:elem2 xmlns:n1="http://example.net" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"/></n1:elem2></n2:pdu>"#;
        check(two, "n1:elem2", &[], same);
        let listed = r#"<n1:elem2 xmlns:n1="http://example.net" xmlns:n2="http://foo.example" xml:lang="en"><n3:stuff xmlns:n3="ftp://example.org"></n3:stuff></n1:elem2>"#;
        check(two, "n1:elem2", &["n2", "n9"], listed);
    }

    /// Canonical XML 1.0, §3.3 (start and end tags), without what only a DTD gives.
    #[test]
    fn the_examples_of_start_and_end_tags_hold() {
        let text = "<doc>\n   <e1   />\n   <e2   ></e2>\n   <e3   name = \"elem3\"   id=\"elem3\"   />\n   <e4   name=\"elem4\"   id=\"elem4\"   ></e4>\n   \
            <e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\"\n      xmlns:b=\"http://www.ietf.org\"\n      xmlns:a=\"http://www.w3.org\"\n      \
            xmlns=\"http://example.org\"/>\n   <e6 xmlns=\"\" xmlns:a=\"http://www.w3.org\">\n      <e7 xmlns=\"http://www.ietf.org\">\n         \
            <e8 xmlns=\"\" xmlns:a=\"http://www.w3.org\">\n         </e8>\n      </e7>\n   </e6>\n</doc>";
        let expected = "<doc>\n   <e1></e1>\n   <e2></e2>\n   <e3 id=\"elem3\" name=\"elem3\"></e3>\n   <e4 id=\"elem4\" name=\"elem4\"></e4>\n   \
            <e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" \
            a:attr=\"out\"></e5>\n   <e6>\n      <e7 xmlns=\"http://www.ietf.org\">\n         <e8 xmlns=\"\">\n         </e8>\n      </e7>\n   </e6>\n</doc>";
        check(text, "doc", &[], expected);
    }

    /// Canonical XML 1.0, §3.4 (characters), without what only a DTD gives.
    #[test]
    fn the_examples_of_characters_hold() {
        let text = "<doc>\n   <text>First line&#x0d;&#10;Second line</text>\n   <value>&#x32;</value>\n   <compute expr='value>\"0\" &amp;&amp; value&lt;\"10\" ?\"valid\":\"error\"'>\
            valid</compute>\n   <norm attr=' &apos;   &#x20;&#13;&#xa;&#9;   &apos; '/>\n</doc>";
        let expected = "<doc>\n   <text>First line&#xD;\nSecond line</text>\n   <value>2</value>\n   \
            <compute expr=\"value>&quot;0&quot; &amp;&amp; value&lt;&quot;10&quot; ?&quot;valid&quot;:&quot;error&quot;\">valid</compute>\n   \
            <norm attr=\" '    &#xD;&#xA;&#x9;   ' \"></norm>\n</doc>";
        check(text, "doc", &[], expected);
    }

    #[test]
    fn what_is_left_out_is_gone_with_all_that_is_in_it() {
        let document = Document::parse("<a>1<b>2<c/></b>3</a>").unwrap();
        let left_out = document.root_element().first_element_child().map(|node| node.id());
        assert_eq!(exclusive(document.root_element(), left_out, &BTreeSet::new()), "<a>13</a>");
    }
}
