//! The book as a reader has it: its files, blocks, links and commands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// One file of the book.
#[derive(Clone, Debug)]
pub struct Page {
    /// From the repository's top.
    pub path: PathBuf,
    /// Its lines.
    text: String,
}

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// What stands behind the fence: `sh`, `json`, or nothing.
    pub language: String,
    /// What stands in it.
    pub text: String,
    /// The second-level heading that it stands below.
    pub heading: String,
}

impl Page {
    /// A page of this path from the repository's top.
    pub fn read(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        let text = fs::read_to_string(top().join(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { path, text }
    }

    /// Every page for people: those at the top and in `policies`, and all below `docs` and `deploy`.
    pub fn all() -> Vec<Self> {
        let mut pages = Vec::new();
        let mut folders = vec![PathBuf::from("docs"), PathBuf::from("deploy")];
        let flat = ["", "policies"].map(PathBuf::from);
        while let Some(folder) = folders.pop() {
            collect(&folder, &mut pages, Some(&mut folders));
        }
        flat.iter().for_each(|folder| collect(folder, &mut pages, None));
        pages.sort();
        pages.into_iter().map(Self::read).collect()
    }

    /// Its whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its fenced blocks in their order.
    pub fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut open, mut heading) = (Vec::new(), None::<Block>, String::new());
        for line in self.text.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(language)) => {
                    open = Some(Block { language: language.to_owned(), text: String::new(), heading: heading.clone() });
                }
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text += &format!("{line}\n"),
                (None, None) => {
                    if let Some(title) = line.strip_prefix("## ") {
                        title.clone_into(&mut heading);
                    }
                }
            }
        }
        blocks
    }

    /// Its text without fenced blocks.
    pub fn prose(&self) -> String {
        let mut inside = false;
        let mut prose = String::new();
        for line in self.text.lines() {
            let fence = line.starts_with("```");
            inside ^= fence;
            if !inside && !fence {
                prose += &format!("{line}\n");
            }
        }
        prose
    }

    /// The code spans of its prose.
    pub fn spans(&self) -> Vec<String> {
        self.prose().split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    /// Where its links and pictures go.
    pub fn links(&self) -> Vec<String> {
        let prose = self.prose();
        let behind = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        behind.filter(|target| !target.contains(char::is_whitespace)).map(str::to_owned).collect()
    }

    /// The anchors of its headings, as GitHub makes them.
    pub fn anchors(&self) -> BTreeSet<String> {
        let mut seen = BTreeMap::<String, usize>::new();
        let prose = self.prose();
        let headings = prose.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
        let anchors = headings.map(|heading| {
            let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            let anchor: String = kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect::<String>().to_lowercase();
            let times = seen.entry(anchor.clone()).or_default();
            *times += 1;
            if *times == 1 { anchor } else { format!("{anchor}-{}", *times - 1) }
        });
        anchors.collect()
    }

    /// The command lines of weir in its blocks and spans, as they are written.
    pub fn commands(&self) -> Vec<String> {
        let blocks = self.blocks();
        let shown = blocks.iter().filter(|block| ["sh", ""].contains(&block.language.as_str()));
        let lines = shown.flat_map(|block| block.text.lines()).filter_map(|line| {
            let line = line.trim_start_matches(['$', '#']).trim_start();
            line.find("weir ").filter(|at| line[..*at].split_whitespace().all(|word| word.contains('='))).map(|at| &line[at..])
        });
        // In text a gateway speaks of itself: `weir refused …`, `weir: …`.
        let speaks = |line: &str| {
            ["weir refused", "weir could", "weir relays", "weir has", "weir can"].iter().any(|said| line.starts_with(said))
        };
        let spans = self.spans();
        let spans = spans.iter().filter(|span| span.starts_with("weir ")).map(String::as_str);
        lines.chain(spans).filter(|line| !speaks(line)).map(|line| line.replace('\n', " ")).collect()
    }
}

/// The repository's top.
pub fn top() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>, mut below: Option<&mut Vec<PathBuf>>) {
    for entry in fs::read_dir(top().join(folder)).expect("the repository's own folder").flatten() {
        let path = folder.join(entry.file_name());
        if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        } else if let Some(below) = below.as_deref_mut().filter(|_| entry.path().is_dir()) {
            below.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart_as_a_reader_takes_it() {
        let text = "# A page\n\n## Two words, `and` a_name\nSee [it](b.md#c) and `weir why ID`.\n```sh\nX=1 weir run -- x\nls\n```\n## Two words, `and` a_name\n```\n$ weir doctor\nweir: 2 problems\n```\n";
        let page = Page { path: PathBuf::from("a.md"), text: text.to_owned() };
        assert_eq!(page.links(), ["b.md#c"]);
        let anchors = page.anchors();
        assert_eq!(
            anchors.iter().map(String::as_str).collect::<Vec<_>>(),
            ["a-page", "two-words-and-a_name", "two-words-and-a_name-1"]
        );
        assert_eq!(page.commands(), ["weir run -- x", "weir doctor", "weir why ID"]);
        assert_eq!(page.blocks().len(), 2);
        assert_eq!(page.blocks()[0].heading, "Two words, `and` a_name");
    }
}
