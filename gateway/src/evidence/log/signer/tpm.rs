//! `tpm:0x81010001`: the seed is sealed in the TPM; tpm2-tools unseal it, once, at the start.

use super::SignerError;
use super::command::{PATIENCE, run};
use gateway_core::record::log::SigningKey;
use std::ffi::OsString;
use std::process::Command;
use zeroize::Zeroizing;

const PROGRAM: &str = "tpm2_unseal";
/// How the tools are told where the TPM is.
const WHERE: [&str; 2] = ["TPM2TOOLS_TCTI", "TSS2_FAPICONF"];

pub(super) fn open(handle: u32, name: &str) -> Result<SigningKey, SignerError> {
    let passed = WHERE.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?))).collect();
    unseal(handle, name, passed)
}

pub(super) fn unseal(handle: u32, name: &str, environment: Vec<(OsString, OsString)>) -> Result<SigningKey, SignerError> {
    let handle = format!("{handle:#010x}");
    let output = run(Command::new(PROGRAM).args(["-c", &handle]).envs(environment), b"", PATIENCE)?;
    let wrong = |why: String| SignerError::Program { program: PROGRAM.to_owned(), why };
    let seed = <&[u8; 32]>::try_from(output.as_slice());
    let seed = seed.map_err(|_| wrong(format!("gave {} bytes for {handle}, and the key's seed has 32", output.len())))?;
    let why = |why| SignerError::Key { origin: format!("tpm:{handle}"), why };
    SigningKey::from_seed(name, &Zeroizing::new(*seed)).map_err(why)
}
