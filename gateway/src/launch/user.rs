//! The user that a job runs as: looked up on the host, put on last.

use super::options::Privileges;
use super::{LaunchError, Result};
use nix::unistd::{Gid, Uid, User, setgid, setgroups, setuid};
use serde::{Deserialize, Serialize};
use std::ffi::CString;
use std::path::PathBuf;

/// A user, with what the job gets of its groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobUser {
    pub(super) uid: u32,
    gid: u32,
    groups: Vec<u32>,
    pub(super) name: String,
    pub(super) home: PathBuf,
}

impl JobUser {
    /// The user of this name or number. A confined job gets all of the user's groups, since sudo goes by them;
    /// else the user's own group alone.
    ///
    /// # Errors
    /// Where there is no such user.
    pub fn find(text: &str, privileges: Privileges) -> Result<Self> {
        let unknown = || LaunchError::Unfit(format!("no user `{text}` on this host"));
        let found = match text.parse::<u32>() {
            Ok(uid) => User::from_uid(uid.into()),
            Err(_) => User::from_name(text),
        };
        let user =
            found.map_err(|errno| LaunchError::system("the users of this host can't be read", errno))?.ok_or_else(unknown)?;
        let groups = match privileges {
            Privileges::None => Vec::new(),
            Privileges::Confined | Privileges::Host => {
                let name = CString::new(user.name.as_str()).map_err(|_| unknown())?;
                let groups = nix::unistd::getgrouplist(&name, user.gid);
                let groups = groups.map_err(|errno| LaunchError::system("the user's groups can't be read", errno))?;
                groups.into_iter().map(Gid::as_raw).collect()
            }
        };
        Ok(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), groups, name: user.name, home: user.dir })
    }

    /// The variables that say who it is.
    pub(super) fn environment(&self) -> [(&'static str, std::ffi::OsString); 3] {
        let name = || self.name.clone().into();
        [("HOME", self.home.clone().into()), ("USER", name()), ("LOGNAME", name())]
    }

    /// Becomes the user, for good. Between fork and exec: makes system calls alone.
    pub(super) fn put_on(&self, groups: &[Gid]) -> nix::Result<()> {
        setgroups(groups)?;
        setgid(Gid::from_raw(self.gid))?;
        setuid(Uid::from_raw(self.uid))
    }

    /// Its further groups, as the system takes them.
    pub(super) fn groups(&self) -> Vec<Gid> {
        self.groups.iter().copied().map(Gid::from_raw).collect()
    }
}
