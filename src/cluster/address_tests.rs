use super::{Address, check_name};
use crate::ClusterError;

const SECRET: &str = "s3cr3t-Pa55";

fn parse(url: &str) -> Result<Address, ClusterError> {
    Address::parse(&url.replace("SECRET", SECRET), false, None)
}

#[test]
fn an_address_is_shown_without_user_and_password() {
    for (url, shown) in [
        (
            "rediss://me:SECRET@example.org:6380/3",
            "rediss://example.org:6380",
        ),
        ("rediss://example.org", "rediss://example.org:6379"),
        ("redis://:SECRET@127.0.0.1", "redis://127.0.0.1:6379"),
        ("redis://:SECRET@[::1]:7", "redis://[::1]:7"),
        ("unix:///run/s?user=me&pass=SECRET&db=2", "unix:///run/s"),
        ("redis+unix:///run/s?pass=SECRET", "unix:///run/s"),
        ("unix:/run/s", "unix:///run/s"),
    ] {
        let address = parse(url).unwrap();
        assert_eq!(address.to_string(), shown);
        assert_eq!(format!("{address:?}"), format!("Address({shown})"));
    }
}

#[test]
fn what_is_in_an_address_is_used() {
    let address = parse("rediss://me:SECRET%2F@example.org/3").unwrap();
    let password = format!("{SECRET}/");
    assert!(address.is_encrypted());
    assert_eq!(address.settings().username(), Some("me"));
    assert_eq!(address.settings().password(), Some(&*password));
    assert_eq!(address.settings().db(), 3);
    let text = address.without_secrets(format!("unknown command AUTH me {password}"));
    assert_eq!(text, "unknown command AUTH me ***");

    let address = parse("unix:///run/s?user=me&pass=SECRET&db=2").unwrap();
    assert_eq!(address.settings().username(), Some("me"));
    assert_eq!(address.settings().password(), Some(SECRET));
    assert_eq!(address.settings().db(), 2);
    assert_eq!(
        parse("redis://:SECRET@localhost").unwrap().settings().username(),
        None
    );
}

#[test]
fn no_error_shows_what_was_typed() {
    for url in [
        "",
        "SECRET",
        "http://me:SECRET@example.org",
        "redis//me:SECRET@example.org",
        "rediss://me:SECRET#x@example.org",
        "rediss://me:SECRET/x@example.org",
        "rediss://me:SECRET?x@example.org:port",
        "rediss://me:SECRET@",
        "rediss://me:SECRET@example.org/SECRET",
        "rediss://me:SECRET@example.org:99999",
        "rediss://me:SECRET@example.org?protocol=SECRET",
        "rediss://me:SECRET%ff@example.org",
        "unix:///run/s?pass=SECRET&db=SECRET",
        "redis://0.0.0.0?x=SECRET",
    ] {
        let error = parse(url).expect_err(url);
        assert!(matches!(error, ClusterError::Address(_)), "{url}: {error:?}");
        let text = format!("{error} {error:?}");
        assert!(!text.contains(SECRET) && !text.contains("me:"), "{url}: {text}");
    }
}

#[test]
fn only_this_machine_is_spoken_to_in_plain() {
    for here in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "127.9.9.9",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        assert!(parse(&format!("redis://{here}:1")).is_ok(), "{here}");
    }
    for elsewhere in [
        "example.org",
        "10.0.0.1",
        "128.0.0.1",
        "localhost.example.org",
        "[fe80::1]",
        "127.0.0.1.example",
    ] {
        let url = format!("redis://me:SECRET@{elsewhere}");
        let error = parse(&url).unwrap_err();
        assert!(
            matches!(&error, ClusterError::Insecure(_)),
            "{elsewhere}: {error:?}"
        );
        assert!(!format!("{error}{error:?}").contains(SECRET));
        assert!(Address::parse(&url, true, None).is_ok(), "{elsewhere}");
        assert!(parse(&url.replace("redis:", "rediss:")).is_ok(), "{elsewhere}");
    }
}

#[test]
fn names_are_parts_of_keys() {
    let longest = "x".repeat(64);
    for name in ["a", "crunch-2.gpu_A", &*longest] {
        assert!(check_name(name).is_ok(), "{name}");
    }
    let too_long = "x".repeat(65);
    for name in ["", "a b", "a:b", "{a}", "ä", "*", "a\n", &*too_long] {
        assert!(matches!(check_name(name), Err(ClusterError::Name(shown)) if shown == name));
    }
}
