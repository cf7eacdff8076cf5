//! Notes: the specifications' own examples, and what must not be believed.

use super::*;
use proptest::prelude::*;
use zeroize::Zeroizing;

const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(name, &Zeroizing::new([seed; 32])).unwrap()
}

fn signed(text: &str, keys: &[&SigningKey]) -> Note {
    let mut note = Note::new(text).unwrap();
    keys.iter().for_each(|key| note.sign(key));
    note
}

#[test]
fn the_signature_is_that_of_other_implementations() {
    // From the tests of golang.org/x/mod/sumdb/note.
    let key = SigningKey::from_text("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz").unwrap();
    let line = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    assert_eq!(signed(TEXT, &[&key]).to_string(), format!("{TEXT}\n{line}"));
    // c2sp.org/signed-note's example.
    let vkey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
    let note = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let note = Note::parse(note.as_bytes()).unwrap();
    assert_eq!(note.verify(std::slice::from_ref(&vkey)), Ok(vec![Signed { key: vkey, time: None }]));
}

#[test]
fn unknown_signatures_are_passed_over_and_forged_ones_are_not() {
    let (ana, ben, eve) = (key("ana", 1), key("ben", 2), key("ana", 3));
    let note = Note::parse(signed(TEXT, &[&eve, &ana, &ben]).to_string().as_bytes()).unwrap();
    let verify = |keys: &[&SigningKey]| {
        let keys: Vec<VerifierKey> = keys.iter().map(|key| key.verifier().clone()).collect();
        note.verify(&keys).map(|signed| signed.len())
    };
    assert_eq!((verify(&[&ana]), verify(&[&ben, &ana]), verify(&[&eve, &ana, &ben])), (Ok(1), Ok(2), Ok(3)));
    assert_eq!(verify(&[&key("cid", 4)]), Err(NoteError::Unsigned(vec!["ana".into(), "ana".into(), "ben".into()])));
    assert!(verify(&[]).is_err());
    // Ana's signature of another text beside Ben's good one.
    let mut mixed = signed(TEXT, &[&ben]);
    let other = signed("another\n", &[&ana]);
    mixed.attach(other.signatures()[0].clone());
    let keys = [ana.verifier().clone(), ben.verifier().clone()];
    assert_eq!(mixed.verify(&keys), Err(NoteError::Forged("ana".into())));
    assert!(mixed.verify(&keys[1..]).is_ok());
    mixed.sign(&ana);
    assert_eq!((mixed.verify(&keys).map(|signed| signed.len()), mixed.signatures().len()), (Ok(2), 2), "it is replaced");
}

#[test]
fn a_cosignature_says_when_and_is_over_that() {
    let witness = SigningKey::from_seed("w", &Zeroizing::new([9; 32])).unwrap();
    let vkey = VerifierKey::new("w", KeyKind::Cosignature, *witness.verifier().public()).unwrap();
    assert_ne!(vkey.id(), witness.verifier().id());
    let made = |time: u64| {
        let mut bytes = time.to_be_bytes().to_vec();
        bytes.extend_from_slice(&witness.sign(cosigned(1_700_000_000, TEXT).as_bytes()));
        let mut note = Note::new(TEXT).unwrap();
        note.attach(Signature::of(&vkey, bytes));
        note.verify(std::slice::from_ref(&vkey))
    };
    assert_eq!(made(1_700_000_000).map(|signed| signed[0].time), Ok(Some(1_700_000_000)));
    assert_eq!(made(1_700_000_001), Err(NoteError::Forged("w".into())));
    assert_eq!(cosigned(5, "a\n"), "cosignature/v1\ntime 5\na\n");
    // c2sp.org/tlog-cosignature's example: the key id is over the kind as well.
    assert_eq!(vkey.to_string().parse::<VerifierKey>().map(|key| key.kind()), Ok(KeyKind::Cosignature));
}

#[test]
fn what_is_no_note_is_refused() {
    let good = signed(TEXT, &[&key("ana", 1)]).to_string();
    assert!(Note::parse(good.as_bytes()).is_ok());
    let line = good.lines().last().unwrap();
    let many = format!("a\n\n{}", format!("{line}\n").repeat(MOST_SIGNATURES + 1));
    for (wrong, why) in [
        (String::new(), NoteError::NotText),
        ("a\n".into(), NoteError::NoSignatures),
        ("a\n\n".into(), NoteError::NoSignatures),
        (format!("a\n\n{line}"), NoteError::NotText),
        (format!("a\r\n\n{line}\n"), NoteError::NotText),
        (format!("a\t\n\n{line}\n"), NoteError::NotText),
        (format!("a\n{line}\n"), NoteError::NoSignatures),
        (format!("a\n\n{line}\nb\n"), NoteError::Malformed(2)),
        (format!("a\n\n{}\n", line.replace('—', "-")), NoteError::Malformed(1)),
        (format!("a\n\n{}\n", line.replace("ana", "a+a")), NoteError::Malformed(1)),
        (format!("a\n\n{}\n", line.replace("ana", "a\u{2003}a")), NoteError::Malformed(1)),
        (format!("a\n\n{}\n", line.replace('=', "")), NoteError::Malformed(1)),
        ("a\n\n— ana AAAAAA==\n".into(), NoteError::Malformed(1)),
        ("a\n\n— ana \n".into(), NoteError::Malformed(1)),
        (format!("a\n\n{line} \n"), NoteError::Malformed(1)),
        (many, NoteError::TooMany),
        ("a".repeat(MAX_NOTE + 1), NoteError::TooLong(MAX_NOTE + 1)),
    ] {
        assert_eq!(Note::parse(wrong.as_bytes()), Err(why), "{}", wrong.get(..80.min(wrong.len())).unwrap_or_default());
    }
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::NotText));
    // Empty lines belong to the text, but for the last one.
    let text = "a\n\nb\n\n\n";
    assert_eq!(Note::parse(signed(text, &[&key("ana", 1)]).to_string().as_bytes()).map(|note| note.text), Ok(text.to_owned()));
    for wrong in ["", "a", "a\rb\n"] {
        assert!(Note::new(wrong).is_err());
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_what_is_read_is_written_again(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn no_changed_text_is_believed(at in any::<usize>(), to in "[a-z\n]") {
        let ana = key("ana", 1);
        let mut bytes = signed(TEXT, &[&ana]).to_string().into_bytes();
        let at = at % TEXT.len();
        prop_assume!(bytes[at] != to.as_bytes()[0]);
        bytes[at] = to.as_bytes()[0];
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert!(note.verify(std::slice::from_ref(ana.verifier())).is_err());
        }
    }
}
