//! What a program says, cut into lines. It may say anything: what is no UTF-8 is shown as far as it can be.

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    sync::mpsc,
};

/// Sends the lines on until there are no more, or nobody takes them; one that is longer than `longest` bytes is cut in two.
pub(crate) async fn split(mut from: impl AsyncRead + Unpin, longest: usize, to: mpsc::Sender<String>) {
    let (mut held, mut block) = (Vec::new(), vec![0; 8 << 10]);
    while let Ok(length) = from.read(&mut block).await
        && length > 0
    {
        for byte in &block[..length] {
            if *byte != b'\n' {
                held.push(*byte);
            }
            if (*byte == b'\n' || held.len() >= longest) && to.send(text(&mut held)).await.is_err() {
                return;
            }
        }
    }
    if !held.is_empty() {
        let _ = to.send(text(&mut held)).await;
    }
}

fn text(held: &mut Vec<u8>) -> String {
    let line = String::from_utf8_lossy(held).trim_end_matches('\r').to_owned();
    held.clear();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_is_no_text_is_followed_by_the_others() {
        let (sender, mut lines) = mpsc::channel(10);
        split(&b"one\r\n\xff two\n\nfar too long\nend"[..], 8, sender).await;
        let mut all = Vec::new();
        while let Some(line) = lines.recv().await {
            all.push(line);
        }
        assert_eq!(all, ["one", "\u{fffd} two", "", "far too ", "long", "end"]);
    }
}
