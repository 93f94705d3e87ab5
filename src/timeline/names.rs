//! What the compiler calls work, in fewer words.

/// The name of a type without the paths of modules: `shop::import::{{closure}}` is `import::{{closure}}`, and
/// `alloc::vec::Vec<shop::Order>` is `Vec<Order>`.
pub(crate) fn short(name: &str) -> String {
    let mut short = String::new();
    let mut word = String::new();
    let mut before = String::new();
    for letter in name.chars() {
        match letter {
            ':' => {
                if !word.is_empty() {
                    before = std::mem::take(&mut word);
                }
            }
            _ if letter.is_alphanumeric() || "_{}#".contains(letter) => word.push(letter),
            _ => {
                push(&mut short, &mut before, &mut word);
                short.push(letter);
            }
        }
    }
    push(&mut short, &mut before, &mut word);
    short
}

/// The last word of a path; of a closure, the one before as well: that is the function it stands in.
fn push(short: &mut String, before: &mut String, word: &mut String) {
    if word.starts_with('{') && !before.is_empty() {
        short.push_str(before);
        short.push_str("::");
    }
    short.push_str(word);
    before.clear();
    word.clear();
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn paths_are_left_out() {
        assert_eq!(short("shop::import"), "import");
        assert_eq!(short("shop::import::{{closure}}"), "import::{{closure}}");
        assert_eq!(short("alloc::vec::Vec<shop::Order>"), "Vec<Order>");
        assert_eq!(short("fn(a::B, &c::D) -> e::F"), "fn(B, &D) -> F");
        assert_eq!(short("plain name"), "plain name");
        assert_eq!(short(""), "");
    }

    #[test]
    fn a_closure_in_a_closure_keeps_one_word() {
        assert_eq!(
            short("a::b::{{closure}}::{{closure}}"),
            "{{closure}}::{{closure}}"
        );
    }
}
