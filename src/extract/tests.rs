use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{papers::*, *};

const MOST: usize = 10 << 20;

fn read(bytes: &[u8]) -> Result<String, Refusal> {
    text(kind_of(bytes).expect("a document"), bytes, MOST)
}

#[test]
fn a_pdf_gives_its_lines_and_words() {
    assert_eq!(read(&pdf(&["Total: 17 apples", "f\\374r \\(all\\)"])).unwrap(), "Total: 17 apples\nfür (all)\n");
    // Words that are only moved apart, a paragraph further down, a letter raised a little.
    let moved = pdf_page(
        "BT /G 10 Tf 1 0 0 1 72 700 Tm [(ab) -20 (c) -400 (de)] TJ 1 0 0 1 72 660 Tm (x) Tj 1 0 0 1 77 664 Tm (2) Tj ET",
        "",
        &[b"<< /Type /Font /Subtype /TrueType /BaseFont /X /FirstChar 32 /Widths [ ".to_vec(), vec![]].concat_widths(),
    );
    assert_eq!(read(&moved).unwrap(), "abc de\n\nx2\n");
}

trait Widths {
    fn concat_widths(self) -> Vec<Vec<u8>>;
}

impl Widths for [Vec<u8>; 2] {
    /// All letters half as wide as the font is high.
    fn concat_widths(self) -> Vec<Vec<u8>> {
        let mut font = self[0].clone();
        font.extend("500 ".repeat(95).bytes());
        font.extend(b"] >>");
        vec![font]
    }
}

#[test]
fn letters_are_those_that_a_font_says_they_are() {
    let map = "1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0001> <03A9> <0002> <006600660069> \
               endbfchar 1 beginbfrange <0010> <0013> <4E00> endbfrange";
    let wide = pdf_page(
        "BT /G 12 Tf 72 700 Td <0001000200100012> Tj ET",
        "",
        &[
            b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /ToUnicode 6 0 R /DescendantFonts [7 0 R] >>"
                .to_vec(),
            packed_stream("", map.as_bytes()),
            b"<< /Type /Font /Subtype /CIDFontType2 /DW 1000 /W [1 [500 500]] >>".to_vec(),
        ],
    );
    assert_eq!(read(&wide).unwrap(), "Ωffi一丂\n");
    let named = pdf_page(
        "BT /G 12 Tf 72 700 Td (\\001\\002\\003\\004) Tj ET",
        "",
        &[b"<< /Type /Font /Subtype /Type1 /BaseFont /X /Encoding << /Differences [1 /odieresis /ffi /uni20AC /f_l.alt] >> >>"
            .to_vec()],
    );
    assert_eq!(read(&named).unwrap(), "öffi€fl\n");
    // Codes without any letter are not passed off as a text.
    let dark = pdf_page(
        "BT /G 12 Tf 72 700 Td <000100020003> Tj ET",
        "",
        &[b"<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H >>".to_vec()],
    );
    assert_eq!(read(&dark), Err(Refusal::Unreadable));
}

#[test]
fn packed_objects_forms_and_pictures_in_a_page_are_read_as_they_are_meant() {
    let objects = "1 0 2 34 3 76 <</Type /Catalog /Pages 2 0 R>>  <</Type /Pages /Kids [3 0 R] /Count 1>> \
                   <</Type /Page /Contents 5 0 R /Resources 6 0 R>>";
    let first = objects.find("<<").unwrap();
    let (two, three) =
        (objects.find("<</Type /Pages ").unwrap() - first, objects.find("<</Type /Page ").unwrap() - first);
    let objects = format!("1 0 2 {two} 3 {three} ").to_owned() + &objects[first..];
    let first = objects.find("<<").unwrap();
    let mut pdf = b"%PDF-1.5\n9 0 obj\n".to_vec();
    pdf.extend(packed_stream(&format!("/Type /ObjStm /N 3 /First {first}"), objects.as_bytes()));
    pdf.extend(b"\nendobj\n5 0 obj\n");
    pdf.extend(packed_stream("", b"BI /W 1 /H 1 ID (no Tj text EI) EI Q q /X Do Q"));
    pdf.extend(b"\nendobj\n6 0 obj << /XObject << /X 7 0 R >> >> endobj\n7 0 obj\n");
    pdf.extend(stream(
        "/Subtype /Form /Resources << /Font << /F << /Subtype /Type1 /BaseFont /Helvetica >> >> >>",
        b"BT /F 9 Tf (within a form) Tj ET",
    ));
    pdf.extend(b"\nendobj\n8 0 obj\n");
    pdf.extend(stream("/Type /XRef /Root 1 0 R", b""));
    pdf.extend(b"\nendobj\n%%EOF");
    assert_eq!(read(&pdf).unwrap(), "within a form\n");
}

#[test]
fn a_word_document_gives_its_paragraphs_and_nothing_that_its_reader_does_not_see() {
    let body = [
        "<w:p><w:pPr><w:pStyle w:val=\"Heading2\"/></w:pPr><w:r><w:t>Plan &amp; cost</w:t></w:r></w:p>",
        &paragraph("First &#8364; line"),
        "<w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>item</w:t><w:tab/><w:t>two</w:t></w:r></w:p>",
        "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>Ignore everything</w:t></w:r><w:r><w:t>seen</w:t></w:r>\
         <w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>",
        "<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl>",
        "<mc:AlternateContent><mc:Choice><w:p><w:r><w:t>once</w:t></w:r></w:p></mc:Choice><mc:Fallback><w:p><w:r>\
         <w:t>once</w:t></w:r></w:p></mc:Fallback></mc:AlternateContent>",
    ]
    .concat();
    assert_eq!(read(&docx(&body)).unwrap(), "## Plan & cost\nFirst € line\n- item\ttwo\nseen\na\tb\n\nonce\n");
}

#[test]
fn what_is_encrypted_damaged_or_empty_is_refused_with_the_reason() {
    let objects = [b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), b"<< /Type /Pages /Kids [] >>".to_vec()];
    assert_eq!(read(&pdf_of(&objects, "/Encrypt << /Filter /Standard >>")), Err(Refusal::Encrypted));
    assert_eq!(read(&pdf_of(&objects, "")), Err(Refusal::Broken));
    assert_eq!(read(b"%PDF-1.7\nnothing of the kind"), Err(Refusal::Broken));
    assert_eq!(read(&pdf(&[])), Err(Refusal::NoText));
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let sealed = [b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1".as_slice(), &[0; 64], &name].concat();
    assert_eq!(read(&sealed), Err(Refusal::Encrypted));
    let whole = docx(&paragraph("text"));
    assert_eq!(read(&whole[..whole.len() - 30]), Err(Refusal::Broken));
    assert_eq!(read(&docx("")), Err(Refusal::NoText));
    // A type of its own could make one letter a million.
    let types = zip(&[("word/document.xml", b"<!DOCTYPE a [<!ENTITY b \"bb\">]><w:p><w:r><w:t>&b;</w:t></w:r></w:p>")]);
    assert_eq!(read(&types), Err(Refusal::Broken));
}

#[test]
fn bombs_are_refused_within_a_second() {
    let began = Instant::now();
    let zeros = vec![b' '; 40 << 20];
    let once = deflated(&zeros);
    let twice = deflated(&once);
    let built = began.elapsed();
    let page = |filter: &str, data: &[u8]| {
        let mut objects = vec![
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] >>".to_vec(),
            b"<< /Type /Page /Contents 4 0 R >>".to_vec(),
        ];
        objects.push(stream(&format!("/Filter {filter}"), data));
        pdf_of(&objects, "")
    };
    // A form that shows itself, and one that shows another ten times, and so on.
    let mut forms: Vec<Vec<u8>> = (5..20)
        .map(|number| {
            let dict = format!("/Subtype /Form /Resources << /XObject << /X {} 0 R >> >>", number + 1);
            stream(&dict, "/X Do ".repeat(20).as_bytes())
        })
        .collect();
    forms.push(stream("/Subtype /Form /Resources << /XObject << /X 20 0 R >> >>", b"/X Do /X Do"));
    let nested = pdf_page("/X Do", "/XObject << /X 5 0 R >>", &forms);
    let deep = [b"%PDF-1.7\n1 0 obj\n".to_vec(), b"[".repeat(1 << 20)].concat();
    let cases = [
        ("once", page("/FlateDecode", &once)),
        ("twice", page("[/FlateDecode /FlateDecode]", &twice)),
        ("nested", nested),
        ("deep", deep),
        ("word", zip(&[("word/document.xml", &zeros)])),
    ];
    for (name, bytes) in cases {
        let began = Instant::now();
        let refused = read(&bytes);
        let took = began.elapsed();
        assert!(
            matches!(refused, Err(Refusal::Bomb | Refusal::Slow | Refusal::Broken | Refusal::NoText)),
            "{name}: {refused:?}"
        );
        assert!(took < Duration::from_secs(1), "{name} took {took:?} (making them took {built:?})");
    }
}

#[test]
fn time_and_room_stop_the_reading_itself() {
    let long = pdf(&["word ".repeat(200).trim(); 400]);
    assert!(read(&long).unwrap().len() > 300_000);
    assert_eq!(text_within(Kind::Pdf, &long, Budget::of(Duration::ZERO, MOST)), Err(Refusal::Slow));
    assert_eq!(text_within(Kind::Pdf, &long, Budget::of(Duration::from_mins(1), 1000)), Err(Refusal::Bomb));
    assert_eq!(text(Kind::Pdf, &long, 1000), Err(Refusal::Long));
    let word = docx(&paragraph(&"word ".repeat(1000)));
    assert_eq!(text_within(Kind::Docx, &word, Budget::of(Duration::ZERO, MOST)), Err(Refusal::Slow));
    assert_eq!(text(Kind::Docx, &word, 1000), Err(Refusal::Long));
}

#[test]
fn a_tree_of_pages_that_leads_back_into_itself_ends() {
    let objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        b"<< /Type /Pages /Kids [2 0 R 3 0 R 3 0 R] >>".to_vec(),
        b"<< /Type /Pages /Kids [2 0 R] >>".to_vec(),
    ];
    assert_eq!(read(&pdf_of(&objects, "")), Err(Refusal::Broken));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_damage_makes_reading_panic(seed in any::<Vec<(u16, u8)>>(), cut in 0_usize..2000, is_word: bool) {
        let whole = if is_word {
            docx(&["a", "b &amp; c", "d"].map(paragraph).concat())
        } else {
            let map = b"1 beginbfrange <00> <ff> <0041> endbfrange";
            pdf_page("BT /G 12 Tf 72 700 Td (abc) Tj [(d) -500 (e)] TJ ET /X Do", "/XObject << /X 7 0 R >>", &[
                b"<< /Type /Font /Subtype /Type1 /ToUnicode 6 0 R /Encoding << /Differences [1 /a] >> >>".to_vec(),
                stream("", map),
                stream("/Subtype /Form", b"BT /F 9 Tf (x) Tj ET"),
            ])
        };
        let mut bytes = whole;
        for (at, byte) in seed {
            let length = bytes.len();
            bytes[usize::from(at) % length] = byte;
        }
        bytes.truncate(bytes.len().saturating_sub(cut / 4).max(1));
        for kind in [Kind::Pdf, Kind::Docx] {
            let _ = text(kind, &bytes, MOST);
        }
    }
}
