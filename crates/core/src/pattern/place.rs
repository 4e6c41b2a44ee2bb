//! The place of a part inside a pattern, such as `directories[2].files[0]`.

use std::fmt::Write;

/// The place of a part of a pattern. It changes as a walk goes down and up.
#[derive(Debug, Default)]
pub(crate) struct Place {
    text: String,
    /// For each step, the length of `text` before it.
    starts: Vec<usize>,
}

impl Place {
    /// Goes down to the value of a key.
    pub(crate) fn enter_key(&mut self, key: &str) {
        self.starts.push(self.text.len());
        if !self.text.is_empty() {
            self.text.push('.');
        }
        self.text.push_str(key);
    }

    /// Goes down to an item of the list at this place.
    pub(crate) fn enter_index(&mut self, index: usize) {
        self.starts.push(self.text.len());
        // Writing to a String cannot fail.
        let _ = write!(self.text, "[{index}]");
    }

    /// Goes back up by one step.
    pub(crate) fn leave(&mut self) {
        if let Some(start) = self.starts.pop() {
            self.text.truncate(start);
        }
    }

    /// The whole place. Empty for the pattern itself.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The place, without its middle if it is long:
    /// `directories[0].directories[1]...directories[0]`.
    pub(crate) fn shortened(&self) -> String {
        // A key and the index after it count as one step here.
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

    fn nested(steps: usize) -> Place {
        let mut place = Place::default();
        for index in 0..steps {
            place.enter_key("directories");
            place.enter_index(index);
        }
        place
    }

    #[test]
    fn goes_down_and_up() {
        let mut place = nested(2);
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
        assert_eq!(nested(0).shortened(), "");
        assert_eq!(nested(1).shortened(), "directories[0]");
        assert_eq!(nested(3).shortened(), "directories[0].directories[1].directories[2]");
        assert_eq!(nested(4).shortened(), "directories[0].directories[1]...directories[3]");
        assert_eq!(nested(128).shortened(), "directories[0].directories[1]...directories[127]");
    }
}
