//! The steps that the server takes as one, in its own language.
//!
//! Those that say `allow-oom` go on when its memory is full: they make room, or tell somebody something short.

use std::sync::LazyLock;

/// A step. It is sent by its hash, and in full to a server that does not have it yet.
pub(super) struct Script {
    pub(super) code: &'static str,
    hash: LazyLock<String>,
}

impl Script {
    pub(super) fn hash(&self) -> &str {
        &self.hash
    }
}

macro_rules! scripts {
    ($($name:ident: $file:literal,)*) => {$(
        pub(super) static $name: Script = Script {
            code: include_str!($file),
            hash: LazyLock::new(|| redis::Script::new(include_str!($file)).get_hash().to_owned()),
        };
    )*};
}

scripts! {
    ASK: "scripts/ask.lua",
    ENLIST: "scripts/enlist.lua",
    EXTEND: "scripts/extend.lua",
    FETCH: "scripts/fetch.lua",
    FINISH: "scripts/finish.lua",
    GROUPS: "scripts/groups.lua",
    HAND_BACK: "scripts/hand_back.lua",
    RECALL: "scripts/recall.lua",
    RECLAIM: "scripts/reclaim.lua",
    REGISTER: "scripts/register.lua",
    RETIRE: "scripts/retire.lua",
    SUBMIT: "scripts/submit.lua",
    SURPLUS: "scripts/surplus.lua",
    TELL: "scripts/tell.lua",
    WORKERS: "scripts/workers.lua",
}
