//! Payloads of all lengths.

use super::{super::super::BlobKey, *};

fn key(name: &str) -> BlobKey {
    BlobKey(name.to_owned())
}

#[test]
fn blobs_of_all_lengths_come_back_as_they_were() {
    let server = LocalServer::start().unwrap();
    let mut session = broker(server.address()).open().unwrap();
    for length in [0, 1, 300_000, 16 << 20, (16 << 20) + 1, 64 << 20] {
        let bytes: Vec<u8> = (0..length).map(|index: u32| (index % 251) as u8).collect();
        session.put(&key("k:1"), &bytes).unwrap();
        assert!(session.get(&key("k:1")).unwrap().unwrap() == bytes, "{length}");
    }
    assert_eq!(session.get(&key("k:2")).unwrap(), None);
    session.put(&key("k:2"), b"x").unwrap();
    session.remove(&[]).unwrap();
    session.remove(&[key("k:1"), key("k:2"), key("k:3")]).unwrap();
    assert_eq!(session.get(&key("k:1")).unwrap(), None);
    assert_eq!(server.ask(&["DBSIZE"]), redis::Value::Int(0), "no piece is left");
}

#[test]
fn a_blob_that_loses_a_piece_while_it_is_read_is_not_there() {
    let server = LocalServer::start().unwrap();
    let mut session = broker(server.address()).open().unwrap();
    let bytes = vec![1; (16 << 20) + 1];
    session.put(&key("k"), &bytes).unwrap();
    std::thread::scope(|scope| {
        let reads = scope.spawn(|| {
            let mut session = broker(server.address()).open().unwrap();
            while let Some(blob) = session.get(&key("k")).unwrap() {
                assert!(blob == bytes);
            }
        });
        for _ in 0..5 {
            session.put(&key("k"), &bytes).unwrap();
        }
        session.remove(&[key("k")]).unwrap();
        reads.join().unwrap();
    });
}
