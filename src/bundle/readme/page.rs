//! A plain text page: wrapped paragraphs, headings.

/// Columns of the page; commands and names are never broken and may be longer.
pub(super) const WIDTH: usize = 100;

/// Text under construction.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// A line as it is.
    pub fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// An underlined heading, with a line free before it and after it.
    pub fn heading(&mut self, text: &str, underline: char) {
        if !self.0.is_empty() {
            self.line("");
        }
        self.line(text);
        self.line(&underline.to_string().repeat(text.chars().count()));
        self.line("");
    }

    /// Words of `text` filled into lines: the first one after `first`, the others indented to the same column.
    pub fn fill(&mut self, first: &str, text: &str) {
        let indent = first.chars().count();
        let mut line = first.to_owned();
        let mut length = indent;
        for word in text.split_whitespace() {
            let word_length = word.chars().count();
            if length > indent && length + 1 + word_length > WIDTH {
                self.line(line.trim_end());
                line = " ".repeat(indent);
                length = indent;
            }
            if length > indent {
                line.push(' ');
                length += 1;
            }
            line.push_str(word);
            length += word_length;
        }
        self.line(line.trim_end());
    }

    /// The page as text.
    pub fn into_text(self) -> String {
        self.0
    }
}
