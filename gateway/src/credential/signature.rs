//! What shows a receiver that a request is weir's, and when it was made.

use aws_lc_rs::hmac;
use gateway_core::hex::hex;

/// `t=<seconds>,v1=<HMAC-SHA256 of "t.body", in hex>`: nobody can play an old one back who looks at the time.
#[must_use]
pub fn signature(secret: &[u8], seconds: u64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    format!("t={seconds},v1={}", hex(context.sign().as_ref()))
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn a_signature_is_over_the_time_and_every_byte() {
        // As `printf '1700000000.{}' | openssl dgst -sha256 -hmac hunter2` has it.
        let one = signature(b"hunter2", 1_700_000_000, b"{}");
        assert_eq!(one, "t=1700000000,v1=ff2f975170d2a2ea3d6177dad44d002ac729fec15c2e1053dc096496e07f8401");
        for other in [
            signature(b"hunter3", 1_700_000_000, b"{}"),
            signature(b"hunter2", 1_700_000_001, b"{}"),
            signature(b"hunter2", 1_700_000_000, b"{ }"),
        ] {
            assert_ne!(one, other);
        }
    }
}
