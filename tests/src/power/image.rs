//! What a disk holds: files and the directories that name them, as they are, and as they would be after a power cut.

use super::content::{Content, Loss};
use crate::chance::Chance;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The number of the topmost directory.
pub(super) const ROOT: u64 = 1;

/// When a name outlasts a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Once its directory was synced: all that POSIX promises.
    Strict,
    /// Once any file or directory was synced after it was made: a journal that is written in order, as ext4 and XFS have one.
    Journaled,
}

/// All of a disk.
#[derive(Clone, Debug)]
pub(super) struct Image {
    names: Names,
    nodes: BTreeMap<u64, Node>,
    next: u64,
    /// Changes of names that would not outlast a power cut, in their order.
    pending: Vec<Step>,
}

/// A file, a directory or something else that has a number.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) body: Body,
    pub(super) mode: u32,
    pub(super) user: u32,
    pub(super) group: u32,
    /// How many names it has.
    pub(super) links: u32,
    pub(super) modified: SystemTime,
}

#[derive(Clone, Debug)]
pub(super) enum Body {
    File(Content),
    Directory(Directory),
    Link(PathBuf),
    Socket,
}

/// Names, twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    pub(super) now: BTreeMap<OsString, u64>,
    durable: BTreeMap<OsString, u64>,
}

/// Changes of names that happen together or not at all.
type Step = Vec<Change>;

#[derive(Clone, Debug)]
struct Change {
    directory: u64,
    name: OsString,
    to: Option<u64>,
}

/// Why something could not be done, as the kernel has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Missing,
    Exists,
    NoDirectory,
    IsDirectory,
    NotEmpty,
}

impl Image {
    pub(super) fn new(names: Names) -> Self {
        let root = Node::new(Body::Directory(Directory::default()), 0o755, (0, 0));
        Self { names, nodes: BTreeMap::from([(ROOT, root)]), next: ROOT + 1, pending: Vec::new() }
    }

    pub(super) fn node(&self, number: u64) -> Result<&Node, Refused> {
        self.nodes.get(&number).ok_or(Refused::Missing)
    }

    pub(super) fn node_mut(&mut self, number: u64) -> Result<&mut Node, Refused> {
        self.nodes.get_mut(&number).ok_or(Refused::Missing)
    }

    pub(super) fn file_mut(&mut self, number: u64) -> Result<&mut Content, Refused> {
        let node = self.node_mut(number)?;
        node.modified = SystemTime::now();
        match &mut node.body {
            Body::File(content) => Ok(content),
            Body::Directory(_) => Err(Refused::IsDirectory),
            Body::Link(_) | Body::Socket => Err(Refused::Missing),
        }
    }

    pub(super) fn directory(&self, number: u64) -> Result<&Directory, Refused> {
        match &self.node(number)?.body {
            Body::Directory(directory) => Ok(directory),
            Body::File(_) | Body::Link(_) | Body::Socket => Err(Refused::NoDirectory),
        }
    }

    pub(super) fn look_up(&self, parent: u64, name: &OsStr) -> Result<u64, Refused> {
        self.directory(parent)?.now.get(name).copied().ok_or(Refused::Missing)
    }

    /// Makes something of this name; its number.
    pub(super) fn make(&mut self, parent: u64, name: &OsStr, node: Node) -> Result<u64, Refused> {
        if self.directory(parent)?.now.contains_key(name) {
            return Err(Refused::Exists);
        }
        let number = self.next;
        self.next += 1;
        self.nodes.insert(number, node);
        self.change(vec![Change { directory: parent, name: name.to_owned(), to: Some(number) }]);
        Ok(number)
    }

    /// Gives something another name besides.
    pub(super) fn link(&mut self, number: u64, parent: u64, name: &OsStr) -> Result<(), Refused> {
        if self.directory(parent)?.now.contains_key(name) {
            return Err(Refused::Exists);
        }
        self.change(vec![Change { directory: parent, name: name.to_owned(), to: Some(number) }]);
        Ok(())
    }

    pub(super) fn remove(&mut self, parent: u64, name: &OsStr) -> Result<(), Refused> {
        let number = self.look_up(parent, name)?;
        self.is_free(number)?;
        self.change(vec![Change { directory: parent, name: name.to_owned(), to: None }]);
        Ok(())
    }

    pub(super) fn rename(&mut self, from: (u64, &OsStr), to: (u64, &OsStr), replace: bool) -> Result<(), Refused> {
        let number = self.look_up(from.0, from.1)?;
        match self.look_up(to.0, to.1) {
            Ok(_) if !replace => return Err(Refused::Exists),
            Ok(other) if other == number => return Ok(()),
            Ok(other) => self.is_free(other)?,
            Err(Refused::Missing) => {}
            Err(refused) => return Err(refused),
        }
        self.change(vec![
            Change { directory: from.0, name: from.1.to_owned(), to: None },
            Change { directory: to.0, name: to.1.to_owned(), to: Some(number) },
        ]);
        Ok(())
    }

    /// What was written of this file, or what names this directory has, outlasts a power cut.
    pub(super) fn sync(&mut self, number: u64) -> Result<(), Refused> {
        match &mut self.node_mut(number)?.body {
            Body::File(content) => content.sync(),
            Body::Directory(_) | Body::Link(_) | Body::Socket => {}
        }
        match self.names {
            Names::Journaled => self.commit(usize::MAX),
            Names::Strict => {
                if let Body::Directory(directory) = &mut self.node_mut(number)?.body {
                    directory.durable.clone_from(&directory.now);
                }
                for step in &mut self.pending {
                    step.retain(|change| change.directory != number);
                }
                self.pending.retain(|step| !step.is_empty());
            }
        }
        Ok(())
    }

    /// All that was written outlasts a power cut, as after a while without one.
    pub(super) fn sync_all(&mut self) {
        self.commit(usize::MAX);
        for node in self.nodes.values_mut() {
            if let Body::File(content) = &mut node.body {
                content.sync();
            }
        }
    }

    /// Bytes and changes of names that a power cut would take, at most.
    pub(super) fn at_risk(&self) -> usize {
        let files = self.nodes.values().map(|node| match &node.body {
            Body::File(content) if node.links > 0 => content.at_risk(),
            Body::File(_) | Body::Directory(_) | Body::Link(_) | Body::Socket => 0,
        });
        files.sum::<usize>() + self.pending.len()
    }

    /// The power goes: what is left is all there is.
    pub(super) fn cut(&mut self, loss: Loss, chance: &mut Chance) {
        match (loss, self.names) {
            (Loss::All, _) => {}
            (Loss::Torn { .. }, Names::Journaled) => {
                let steps = chance.below(self.pending.len() as u64 + 1);
                self.commit(usize::try_from(steps).unwrap_or(0));
            }
            (Loss::Torn { gone }, Names::Strict) => {
                self.pending.retain(|_| chance.below(gone) != 0);
                self.commit(usize::MAX);
            }
        }
        self.pending.clear();
        for node in self.nodes.values_mut() {
            match &mut node.body {
                Body::File(content) => content.cut(loss, chance),
                Body::Directory(directory) => directory.now.clone_from(&directory.durable),
                Body::Link(_) | Body::Socket => {}
            }
        }
        self.sweep();
    }

    /// Lets go of what no name leads to. Nothing is open.
    pub(super) fn sweep(&mut self) {
        let mut kept = BTreeSet::from([ROOT]);
        let mut links = BTreeMap::new();
        let mut open = vec![ROOT];
        while let Some(number) = open.pop() {
            let Ok(directory) = self.directory(number) else { continue };
            for &child in directory.now.values().chain(directory.durable.values()) {
                if kept.insert(child) {
                    open.push(child);
                }
            }
            for &child in directory.now.values() {
                *links.entry(child).or_insert(0) += 1;
            }
        }
        self.nodes.retain(|number, _| kept.contains(number));
        for (number, node) in &mut self.nodes {
            node.links = links.get(number).copied().unwrap_or(0);
        }
    }

    /// Has names changed, now.
    fn change(&mut self, step: Step) {
        for change in &step {
            let Some(Node { body: Body::Directory(directory), modified, .. }) = self.nodes.get_mut(&change.directory) else {
                continue;
            };
            *modified = SystemTime::now();
            let before = match change.to {
                Some(number) => directory.now.insert(change.name.clone(), number),
                None => directory.now.remove(&change.name),
            };
            if let Some(node) = before.and_then(|number| self.nodes.get_mut(&number)) {
                node.links = node.links.saturating_sub(1);
            }
            if let Some(node) = change.to.and_then(|number| self.nodes.get_mut(&number)) {
                node.links += 1;
            }
        }
        self.pending.push(step);
    }

    /// So many of the changes that wait outlast a power cut.
    fn commit(&mut self, steps: usize) {
        let steps = steps.min(self.pending.len());
        for change in self.pending.drain(..steps).flatten() {
            if let Some(Node { body: Body::Directory(directory), .. }) = self.nodes.get_mut(&change.directory) {
                match change.to {
                    Some(number) => directory.durable.insert(change.name, number),
                    None => directory.durable.remove(&change.name),
                };
            }
        }
    }

    /// It can lose its name: it is no directory with something in it.
    fn is_free(&self, number: u64) -> Result<(), Refused> {
        match &self.node(number)?.body {
            Body::Directory(directory) if !directory.now.is_empty() => Err(Refused::NotEmpty),
            Body::Directory(_) | Body::File(_) | Body::Link(_) | Body::Socket => Ok(()),
        }
    }
}

impl Node {
    pub(super) fn new(body: Body, mode: u32, (user, group): (u32, u32)) -> Self {
        Self { body, mode, user, group, links: 0, modified: SystemTime::now() }
    }

    pub(super) fn size(&self) -> u64 {
        match &self.body {
            Body::File(content) => content.size() as u64,
            Body::Link(to) => Path::as_os_str(to).len() as u64,
            Body::Directory(_) | Body::Socket => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Node {
        Node::new(Body::File(Content::default()), 0o600, (0, 0))
    }

    fn directory() -> Node {
        Node::new(Body::Directory(Directory::default()), 0o700, (0, 0))
    }

    fn after(image: &Image, loss: Loss, seed: u64) -> Vec<(String, Vec<u8>)> {
        let mut image = image.clone();
        image.cut(loss, &mut Chance(seed));
        let names = image.directory(ROOT).unwrap().now.clone();
        names
            .into_iter()
            .map(|(name, number)| {
                let Body::File(content) = &image.node(number).unwrap().body else { panic!("a file") };
                (name.into_string().unwrap(), content.read(0, 100).to_vec())
            })
            .collect()
    }

    #[test]
    fn a_name_lasts_from_its_directorys_sync_or_with_a_journal_from_any() {
        for (names, lasts) in [(Names::Strict, false), (Names::Journaled, true)] {
            let mut image = Image::new(names);
            let number = image.make(ROOT, "a".as_ref(), file()).unwrap();
            image.file_mut(number).unwrap().write(0, b"text");
            assert_eq!(after(&image, Loss::All, 1), []);
            image.sync(number).unwrap();
            assert_eq!(after(&image, Loss::All, 1).len(), usize::from(lasts), "{names:?}");
            image.sync(ROOT).unwrap();
            assert_eq!(after(&image, Loss::All, 1), [("a".to_owned(), b"text".to_vec())]);
            image.rename((ROOT, "a".as_ref()), (ROOT, "b".as_ref()), true).unwrap();
            assert_eq!(after(&image, Loss::All, 1)[0].0, "a");
            image.sync(ROOT).unwrap();
            assert_eq!(after(&image, Loss::All, 1)[0].0, "b");
            image.remove(ROOT, "b".as_ref()).unwrap();
            assert_eq!(after(&image, Loss::All, 1)[0].0, "b");
        }
    }

    #[test]
    fn a_journal_is_kept_up_to_a_point_and_a_rename_is_one_step() {
        let mut image = Image::new(Names::Journaled);
        for name in ["a", "b", "c"] {
            image.make(ROOT, name.as_ref(), file()).unwrap();
        }
        image.rename((ROOT, "c".as_ref()), (ROOT, "a".as_ref()), true).unwrap();
        let seen: BTreeSet<_> = (1..200)
            .map(|seed| {
                let names = after(&image, Loss::Torn { gone: 2 }, seed * 77_777).into_iter().map(|(name, _)| name);
                names.collect::<Vec<_>>().concat()
            })
            .collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["", "a", "ab", "abc"]);
    }

    #[test]
    fn a_directory_that_is_not_empty_stays_and_what_no_name_leads_to_goes() {
        let mut image = Image::new(Names::Strict);
        let below = image.make(ROOT, "below".as_ref(), directory()).unwrap();
        let number = image.make(below, "a".as_ref(), file()).unwrap();
        assert_eq!(image.remove(ROOT, "below".as_ref()), Err(Refused::NotEmpty));
        image.sync(number).unwrap();
        image.sync(below).unwrap();
        image.cut(Loss::All, &mut Chance(1));
        assert_eq!(image.directory(ROOT).unwrap().now.len(), 0, "nobody synced the directory that names it");
        assert_eq!(image.nodes.len(), 1);
        assert_eq!(image.at_risk(), 0);
    }
}
