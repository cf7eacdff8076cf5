//! A witness that checks by means of its own: ct-merkle for proofs, aws-lc-rs for signatures, a parser of its own for requests.

use super::*;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ct_merkle::{ConsistencyProof, RootHash};
use sha2::{Digest as _, Sha256};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;

const WITNESS: &str = "witness.example/w1";

/// What it remembers: the log's public key, and the size and root that it has signed.
#[derive(Clone)]
struct Remembered {
    log: Vec<u8>,
    signed: Arc<Mutex<(u64, Vec<u8>)>>,
    /// What it answers with instead.
    instead: Arc<Mutex<Option<(StatusCode, String)>>>,
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[42; 32]).unwrap()
}

fn id(name: &str, kind: u8, public: &[u8]) -> Vec<u8> {
    Sha256::digest([name.as_bytes(), &[b'\n', kind], public].concat()).get(..4).unwrap().to_vec()
}

fn witness_key() -> VerifierKey {
    let bytes = [&[4u8], pair().public_key().as_ref()].concat();
    let id: String = id(WITNESS, 4, pair().public_key().as_ref()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{WITNESS}+{id}+{}", STANDARD.encode(bytes)).parse().unwrap()
}

async fn add_checkpoint(State(state): State<Remembered>, body: String) -> Response {
    if let Some((status, text)) = state.instead.lock().unwrap().clone() {
        return (status, text).into_response();
    }
    let refuse = |status: StatusCode, why: &str| (status, format!("{why}\n")).into_response();
    let Some((head, note)) = body.split_once("\n\n") else { return refuse(StatusCode::BAD_REQUEST, "no empty line") };
    let mut lines = head.lines();
    let old: u64 = lines.next().and_then(|line| line.strip_prefix("old ")).unwrap().parse().unwrap();
    let proof: Vec<u8> = lines.flat_map(|line| STANDARD.decode(line).unwrap()).collect();
    let (text, signatures) = note.split_once("\n\n").unwrap();
    let text = format!("{text}\n");
    let fields: Vec<&str> = text.lines().collect();
    if fields[0] != NAME {
        return refuse(StatusCode::NOT_FOUND, "unknown log");
    }
    let (size, root) = (fields[1].parse::<u64>().unwrap(), STANDARD.decode(fields[2]).unwrap());
    let by_log = signatures.lines().any(|line| {
        let Some((name, bytes)) = line.strip_prefix("— ").and_then(|line| line.split_once(' ')) else { return false };
        let bytes = STANDARD.decode(bytes).unwrap();
        let (key, signature) = bytes.split_at(4);
        let ours = name == NAME && key == id(NAME, 1, &state.log);
        ours && UnparsedPublicKey::new(&ED25519, &state.log).verify(text.as_bytes(), signature).is_ok()
    });
    if !by_log {
        return refuse(StatusCode::FORBIDDEN, "not signed by the log");
    }
    let mut signed = state.signed.lock().unwrap();
    if old != signed.0 {
        let headers = HeaderMap::from_iter([("content-type".parse().unwrap(), "text/x.tlog.size".parse().unwrap())]);
        return (StatusCode::CONFLICT, headers, format!("{}\n", signed.0)).into_response();
    }
    let hash = |bytes: &[u8], size| RootHash::<Sha256>::new(<[u8; 32]>::try_from(bytes).unwrap().into(), size);
    let consistent = if old == 0 {
        proof.is_empty()
    } else if old == size {
        root == signed.1
    } else {
        ConsistencyProof::try_from_bytes(proof)
            .is_ok_and(|proof| hash(&root, size).verify_consistency(&hash(&signed.1, old), &proof).is_ok())
    };
    if !consistent {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "the proof does not hold");
    }
    *signed = (size, root);
    let time = 1_700_000_000u64;
    let message = format!("cosignature/v1\ntime {time}\n{text}");
    let bytes =
        [&id(WITNESS, 4, pair().public_key().as_ref()), time.to_be_bytes().as_slice(), pair().sign(message.as_bytes()).as_ref()]
            .concat();
    let other = STANDARD.encode([9; 76]);
    (StatusCode::OK, format!("— {WITNESS} {other}\n— {WITNESS} {}\n", STANDARD.encode(bytes))).into_response()
}

async fn start() -> (Remembered, Witness) {
    let state = Remembered {
        log: key(1).verifier().public().to_vec(),
        signed: Arc::new(Mutex::new((0, Vec::new()))),
        instead: Arc::default(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let prefix = format!("http://{}/witness/", listener.local_addr().unwrap());
    let router = Router::new().route("/witness/add-checkpoint", axum::routing::post(add_checkpoint)).with_state(state.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (state, Witness::new(&prefix, witness_key(), None, Duration::from_secs(20)).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_signs_what_goes_on_from_what_it_signed_before() {
    let state = folder();
    let log = Arc::new(open(state.path()).unwrap());
    let (remembered, witness) = start().await;
    assert_eq!(witness.cosign(&log).await.unwrap(), Cosigned::Nothing, "there is no checkpoint yet");
    let standing = log.standing(&[witness_key()]).unwrap();
    assert!(standing.checkpoint.is_none() && standing.witnessed == [None], "{standing:?}");
    for count in [1, 6, 250, 300] {
        append(&log, count);
        log.checkpoint_now().unwrap().unwrap();
        let Cosigned::Checkpoint(text) = witness.cosign(&log).await.unwrap() else { panic!("it was new") };
        let signed = SignedCheckpoint::parse(text.as_bytes()).unwrap();
        let by = signed.verify(NAME, &[log.verifier(), witness_key()]).unwrap();
        assert_eq!(by.iter().map(|by| by.time).collect::<Vec<_>>(), [None, Some(1_700_000_000)]);
        assert_eq!(fs::read_to_string(state.path().join("log/checkpoint")).unwrap(), text);
        assert_eq!(witness.cosign(&log).await.unwrap(), Cosigned::Nothing, "it has signed it");
        append(&log, 1);
        let (standing, size) = (log.standing(&[log.verifier(), witness_key()]).unwrap(), signed.checkpoint().size);
        assert_eq!((standing.key, standing.size), (log.verifier(), size + 1), "one more than is signed");
        assert_eq!(standing.checkpoint.unwrap().to_string(), text);
        assert_eq!(standing.witnessed, [None, Some(Witnessed { size, at: Some(1_700_000_000) })]);
    }
    assert_eq!(problems(state.path(), &[]), []);
    let proof = Proof::parse(log.prove(5).unwrap().as_bytes()).unwrap();
    assert!(proof.verify(&entry(5).to_bytes().unwrap(), NAME, &[witness_key()]).is_ok(), "the proof has the witness's word");
    // What it knows is forgotten here: it says it itself.
    fs::remove_dir_all(state.path().join("log/witnesses")).unwrap();
    append(&log, 1);
    log.checkpoint_now().unwrap().unwrap();
    assert!(matches!(witness.cosign(&log).await.unwrap(), Cosigned::Checkpoint(_)));
    assert_eq!(remembered.signed.lock().unwrap().0, 562);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rolled_back_or_rewritten_gets_no_signature() {
    let (_remembered, witness) = start().await;
    let state = folder();
    let log = Arc::new(open(state.path()).unwrap());
    append(&log, 20);
    log.checkpoint_now().unwrap().unwrap();
    witness.cosign(&log).await.unwrap();
    for (count, first) in [(10, 0), (20, 1), (30, 1)] {
        let state = folder();
        let log = Arc::new(open(state.path()).unwrap());
        let entries: Vec<Entry> = (first..first + count).map(entry).collect();
        log.locked(|log| log.append(&entries)).unwrap();
        log.checkpoint_now().unwrap().unwrap();
        let error = witness.cosign(&log).await.unwrap_err();
        assert!(matches!(error, WitnessError::Inconsistent { .. }), "{count}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_witness_answers_is_not_believed() {
    let state = folder();
    let log = Arc::new(open(state.path()).unwrap());
    let (remembered, witness) = start().await;
    append(&log, 2);
    log.checkpoint_now().unwrap().unwrap();
    let signature = |id: &[u8], signature: [u8; 72]| format!("— {WITNESS} {}\n", STANDARD.encode([id, &signature].concat()));
    let ours = id(WITNESS, 4, pair().public_key().as_ref());
    for (status, text, told) in [
        (StatusCode::OK, String::new(), "no signature of its own"),
        (StatusCode::OK, "nonsense".into(), "malformed"),
        (StatusCode::OK, signature(&[1, 2, 3, 4], [0; 72]), "none of its signatures is by the key"),
        (StatusCode::OK, signature(&ours, [0; 72]), "not over this checkpoint"),
        (StatusCode::FORBIDDEN, "who\u{7}?".into(), "403 Forbidden): who?"),
        (StatusCode::NOT_FOUND, "x".repeat(100_000), "not reached"),
        (StatusCode::CONFLICT, "7\n".into(), "it knows 7 entries"),
        (StatusCode::CONFLICT, "0\n".into(), "has signed another log"),
        (StatusCode::CONFLICT, "other root\n".into(), "other root"),
        (StatusCode::UNPROCESSABLE_ENTITY, "no\n".into(), "has signed another log"),
        (StatusCode::FOUND, String::new(), "no redirect is followed"),
    ] {
        *remembered.instead.lock().unwrap() = Some((status, text));
        let error = witness.cosign(&log).await.unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
    let before = fs::read_to_string(state.path().join("log/checkpoint")).unwrap();
    assert_eq!(SignedCheckpoint::parse(before.as_bytes()).unwrap().note().signatures().len(), 1);
    assert!(Witness::new("http://witness.example/", witness_key(), None, Duration::from_secs(1)).is_err());
}
