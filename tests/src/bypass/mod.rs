//! Ways round: what a job may try to reach a destination past weir, each run for real, without weir and under it.
//!
//! A case is data: which row of the table of ways round it belongs to, what is tried in words, how it is played, and who
//! sees whether it arrived. [`Ground`] plays it in network namespaces of its own; [`Row`] says how it came out.

mod aim;
mod attempts;
mod connects;
mod deputy;
mod drive;
mod ground;
mod host;
mod page;
mod scene;
mod socket;
mod verdict;
mod victim;
mod witness;
mod world;

pub use aim::Aim;
pub use connects::connects;
pub use drive::{attempt, drive, linger};
pub use ground::{Ground, Privileges};
pub use host::{Outside, is_hosts};
pub use page::page;
pub use verdict::{Outcome, Row, report};
pub use victim::victim;
pub(crate) use world::{World, enter};

use std::io;

/// One way round that a job may try.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name: the row of the table, and a letter where the row has several.
    pub id: &'static str,
    /// What is tried, in words.
    pub attempt: &'static str,
    /// How it is tried.
    pub play: Play,
    /// Where it is played.
    pub stage: Stage,
    /// Why a private gateway does not promise it, where it arrives all the same. The daemon has no such excuse.
    pub out_of_scope: Option<&'static str>,
    /// What it is aimed at.
    pub at: At,
}

/// What a case is aimed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A destination, which it must reach without weir: that shows that the case can fail.
    Destination,
    /// weir itself: without it there is nothing to try.
    Weir,
    /// Something that the kernel must have been built with; where it is not, nothing shows that the case can fail.
    KernelPart,
}

/// How a case is played, inside the job.
pub type Play = fn(&Aim) -> Played;

/// How an attempt ended, as it saw it itself.
pub type Played = Result<Done, Failed>;

/// An attempt that met no error of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It has sent what it could. Whether that arrived, the witness says.
    Sent,
    /// It has reached what it was after, which is nothing that travels: this is what it holds.
    Holds(&'static str),
}

/// What an attempt failed at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The step, as a system call or a thing that was looked for.
    pub step: &'static str,
    /// The error number, where it was the kernel that refused.
    pub errno: Option<i32>,
}

/// Where a case is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Beside all others, in one job.
    Job,
    /// In a job whose gateway is done something to first.
    Alone(Scene),
}

/// What is done to a gateway, while a process of the job waits to play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// It is killed with SIGKILL; the process has left the job's process group and waits for that.
    Killed,
    /// It is stopped with SIGSTOP, longer than the hooks believe a heartbeat.
    Stopped,
    /// It is in order. The job's standard input is a socket that is connected to the witness.
    SocketAsInput,
    /// It is in order. `weir run` inherits a socket that is not connected (descriptor 7) and one that is (8).
    Inherited,
    /// It is in order. The process made its socket outside, and is moved into the job's cgroup by root.
    MovedIn,
}

impl Case {
    /// The row of the table that it belongs to.
    ///
    /// # Panics
    /// Where its name does not begin with a number.
    #[must_use]
    pub fn row(&self) -> u32 {
        let digits = self.id.trim_end_matches(|c: char| !c.is_ascii_digit());
        digits.parse().expect("a case's name begins with its row")
    }

    const fn job(id: &'static str, attempt: &'static str, play: Play) -> Self {
        Self { id, attempt, play, stage: Stage::Job, out_of_scope: None, at: At::Destination }
    }

    const fn alone(scene: Scene, id: &'static str, attempt: &'static str, play: Play) -> Self {
        Self { id, attempt, play, stage: Stage::Alone(scene), out_of_scope: None, at: At::Destination }
    }

    const fn not_promised(mut self, why: &'static str) -> Self {
        self.out_of_scope = Some(why);
        self
    }

    const fn at_weir(mut self) -> Self {
        self.at = At::Weir;
        self
    }

    const fn kernel_part(mut self) -> Self {
        self.at = At::KernelPart;
        self
    }
}

/// Every case, in the order of the table's rows.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut all = attempts::all();
    all.sort_by_key(|case| (case.row(), case.id.len(), case.id));
    all
}

/// Says what failed.
trait FailedAt<T> {
    /// Turns an error into what the attempt failed at.
    fn at(self, step: &'static str) -> Result<T, Failed>;
}

impl<T> FailedAt<T> for io::Result<T> {
    fn at(self, step: &'static str) -> Result<T, Failed> {
        self.map_err(|error| Failed { step, errno: error.raw_os_error() })
    }
}

impl<T> FailedAt<T> for nix::Result<T> {
    fn at(self, step: &'static str) -> Result<T, Failed> {
        self.map_err(|error| Failed { step, errno: Some(error as i32) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_of_the_table_has_a_case_and_no_name_is_twice() {
        let cases = cases();
        let names: BTreeSet<_> = cases.iter().map(|case| case.id).collect();
        assert_eq!(names.len(), cases.len(), "a name is there twice");
        let rows: BTreeSet<_> = cases.iter().map(Case::row).collect();
        let missing: Vec<_> = (1..=49).filter(|row| !rows.contains(row)).collect();
        assert!(missing.is_empty(), "rows without a case: {missing:?}");
    }
}
