//! Where in a pattern something is, such as `directories[2].files[0]`.

use std::fmt::Write;

/// The place of a part of a pattern, as a walk goes down and comes up again.
#[derive(Debug, Default)]
pub(crate) struct Place {
    text: String,
    /// For each step, how long `text` was before it.
    starts: Vec<usize>,
}

impl Place {
    /// Goes to the value of a key.
    pub(crate) fn enter_key(&mut self, key: &str) {
        self.starts.push(self.text.len());
        if !self.text.is_empty() {
            self.text.push('.');
        }
        self.text.push_str(key);
    }

    /// Goes to an item of the list that the place is at.
    pub(crate) fn enter_index(&mut self, index: usize) {
        self.starts.push(self.text.len());
        // Writing to a String cannot fail.
        let _ = write!(self.text, "[{index}]");
    }

    /// Takes the last step back.
    pub(crate) fn leave(&mut self) {
        if let Some(start) = self.starts.pop() {
            self.text.truncate(start);
        }
    }

    /// The place in full; empty for the pattern itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The place without the middle of a long way down:
    /// `directories[0].directories[1]...directories[0]`.
    pub(crate) fn shortened(&self) -> String {
        // A key and an index are one step of the way.
        match self.starts[..] {
            [_, _, _, _, head_end, .., last, _] if last > head_end + 1 => {
                let last_step = self.text[last..].trim_start_matches('.');
                format!("{}...{last_step}", &self.text[..head_end])
            }
            _ => self.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(steps: usize) -> Place {
        let mut place = Place::default();
        for index in 0..steps {
            place.enter_key("directories");
            place.enter_index(index);
        }
        place
    }

    #[test]
    fn goes_down_and_up() {
        let mut place = way(2);
        place.enter_key("files");
        assert_eq!(place.as_str(), "directories[0].directories[1].files");
        place.leave();
        place.leave();
        place.leave();
        assert_eq!(place.as_str(), "directories[0]");
        for _ in 0..5 {
            place.leave();
        }
        assert_eq!(place.as_str(), "");
    }

    #[test]
    fn long_ones_are_shortened_in_the_middle() {
        assert_eq!(way(0).shortened(), "");
        assert_eq!(way(1).shortened(), "directories[0]");
        assert_eq!(way(3).shortened(), "directories[0].directories[1].directories[2]");
        assert_eq!(way(4).shortened(), "directories[0].directories[1]...directories[3]");
        assert_eq!(way(128).shortened(), "directories[0].directories[1]...directories[127]");
    }
}
