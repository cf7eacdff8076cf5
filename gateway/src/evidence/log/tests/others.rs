//! Another implementation (Cloudflare's, of the same specifications) reads the log's own files, proves and checks by them.

use super::*;
use signed_note::{Note, StandardVerifier, VerifierList};
use tlog_tiles::{
    Error, Hash, HashReader as _, Tile as OtherTile, TileHashReader, TileReader, check_record, check_tree, prove_record,
    prove_tree, record_hash,
};

/// Tiles as they lie in the log's directory; theirs have the height in their path.
struct Directory(PathBuf);

impl TileReader for Directory {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[OtherTile]) -> Result<Vec<Vec<u8>>, Error> {
        let path = |tile: &OtherTile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        Ok(tiles
            .iter()
            .map(|tile| fs::read(path(tile)).unwrap_or_else(|error| panic!("{}: {error}", path(tile).display())))
            .collect())
    }

    fn save_tiles(&self, _tiles: &[OtherTile], _data: &[Vec<u8>]) {}
}

#[test]
fn another_implementation_reads_the_checkpoint_and_proves_by_the_tiles() {
    let state = folder();
    let log = open(state.path()).unwrap();
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(&log.verifier().to_string()).unwrap())]);
    let mut before: Option<(u64, Hash)> = None;
    for count in [1, 2, 252, 1, 1, 300, 700, 66_000] {
        for _ in 0..=count / 3000 {
            append(&log, count.min(3000));
        }
        let text = log.checkpoint_now().unwrap().unwrap();
        let note = Note::from_bytes(text.as_bytes()).unwrap();
        assert_eq!(note.verify(&known).unwrap().0.len(), 1);
        let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size()), (NAME, log.size().unwrap()));
        let (size, root) = (checkpoint.size(), *checkpoint.hash());
        let directory = Directory(state.path().join("log"));
        let reader = TileHashReader::new(size, root, &directory);
        for index in [0, 1, size / 2, size - 1].into_iter().filter(|index| *index < size) {
            let leaf = record_hash(&entry(index).to_bytes().unwrap());
            let theirs = prove_record(size, index, &reader).unwrap();
            check_record(&theirs, size, root, index, leaf).unwrap();
            let ours = Proof::parse(log.prove(index).unwrap().as_bytes()).unwrap();
            assert_eq!(
                ours.hashes.iter().map(|hash| hash.0).collect::<Vec<_>>(),
                theirs.iter().map(|hash| hash.0).collect::<Vec<_>>()
            );
        }
        if let Some((old, old_root)) = before {
            let theirs = prove_tree(size, old, &reader).unwrap();
            check_tree(&theirs, size, root, old, old_root).unwrap();
        }
        assert!(reader.read_hashes(&[0]).is_ok());
        before = Some((size, root));
    }
}
