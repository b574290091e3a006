#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tokenizers.json: small tokenizers of every kind that published models have, trained here on the text
below, with what the library `tokenizers` (0.23.3, Apache-2.0, from PyPI) makes of many texts. Run it in an
environment that has it:  python3 make_tokenizers.py
"""

import json
import pathlib

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

CORPUS = """
The quick brown fox jumps over the lazy dog; the dog doesn't mind, and it's asleep again by 12:45.
A model that runs inside a web page keeps what it sees on the device: no server, no account, no waiting.
She sells sea shells on the sea shore. We've sold 3,141 of them, you'll see, for 27.50 a piece!
Übermäßig große Äpfel fallen näher am Stamm, sagte die Bäckerin im Café — naïve façades, coöperation.
Быстрая коричневая лиса прыгает через ленивую собаку. Η γρήγορη αλεπού πηδάει πάνω από τον σκύλο.
素早い茶色の狐がのろまな犬を飛び越える。敏捷的棕色狐狸跳过了懒狗。빠른 갈색 여우가 게으른 개를 뛰어넘는다.
def f(x):\n\treturn x ** 2 + 1  # squares, and adds one
unbelievable unhappiness disagreement running runner runs tokenization tokenizer tokenized tokens
""".strip().splitlines()

TEXTS = [
    "",
    " ",
    "Hello, world!",
    "  The quick  brown fox\tjumps\nover.  ",
    "I'm sure you'll say it's fine; they've DON'T and WE'RE here, isn't it?",
    "Café naïve coöperation Ångström ÀÉÎÕÜ façade",
    "Cafe\u0301 with a combining accent, \u212b and \ufb01ne ligatures",
    "ΟΔΥΣΣΕΥΣ και ΣΊΣΥΦΟΣ",
    "Straße İstanbul ǅungla",
    "敏捷的棕色狐狸 and 素早い茶色 together 빠른",
    "emoji 👍🏽 family 👨‍👩‍👧 flag 🇩🇪 \U0001f9e0",
    "numbers 3,141.59 ½ ² ٣٤ 12:45 2024-01-01 1234567",
    "zero\u200bwidth\u00a0nbsp\u3000wide \ufeffbom \u0007bell \ufffd",
    "a" * 120,
    "$100 + 50% = <150> ^_^ `code` ~tilde| #tag @me [x] {y} \\ /",
    "def f(x):\n\treturn x ** 2 + 1  # squares",
    "one <special> two<mark>three <mark> four[MASK] <MARK>",
    "ends with spaces   ",
    "unbelievable unhappiness tokenizers retokenizing xyzzy",
    "\r\n\r\nparagraphs\n\n\n  indented",
    "don't do not ' quoted ' n't , odd . spacing !",
]
PAIRS = [("The quick brown fox jumps over the lazy dog", "It's asleep."), ("yes", "no no no no no no no no no no no no"), ("", "b")]


def words():
    yield from CORPUS * 8


def bert(lowercase, **more):
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=lowercase, **more)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    t.train_from_iterator(words(), trainers.WordPieceTrainer(vocab_size=420, special_tokens=special))
    t.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return t


def bert_padded():
    t = bert(True)
    t.enable_truncation(16)
    t.enable_padding(length=16)
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return t


def byte_level(regex=None, **more):
    t = Tokenizer(models.BPE(**more))
    if regex:
        split = pre_tokenizers.Split(Regex(regex), "isolated")
        t.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    else:
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    special = ["<s>", "</s>", "<special>"]
    t.train_from_iterator(words(), trainers.BpeTrainer(vocab_size=420, initial_alphabet=alphabet, special_tokens=special))
    t.add_tokens([AddedToken("<mark>", lstrip=True, rstrip=True, normalized=True)])
    return t


def gpt2():
    return byte_level()


def roberta():
    t = byte_level()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    t.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0))
    t.enable_padding(pad_to_multiple_of=8, pad_id=1, pad_token="</s>", direction="left")
    t.enable_truncation(20, direction="left")
    return t


LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def llama3():
    t = byte_level(LLAMA3, ignore_merges=True)
    template = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B:1", special_tokens=[("<s>", 0)])
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), template])
    return t


def llama2():
    t = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)]
    t.train_from_iterator([w.replace(" ", " ▁") for w in words()], trainers.BpeTrainer(vocab_size=640, special_tokens=special))
    j = json.loads(t.to_str())
    j["added_tokens"] = [a for a in j["added_tokens"] if not a["content"].startswith("<0x")]
    t = Tokenizer.from_str(json.dumps(j))
    t.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(content=" ", left=1)]
    )
    return t


def clip():
    t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    t.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    pattern = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    t.pre_tokenizer = pre_tokenizers.Split(pattern, "removed", invert=True)
    t.decoder = decoders.BPEDecoder()
    t.train_from_iterator(words(), trainers.BpeTrainer(vocab_size=420, special_tokens=["<unk>"], end_of_word_suffix="</w>"))
    return t


def unigram(scheme="always"):
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    t.decoder = decoders.Metaspace(prepend_scheme=scheme)
    special = ["<pad>", "<unk>", "</s>", "<special>"]
    t.train_from_iterator(words(), trainers.UnigramTrainer(vocab_size=340, special_tokens=special, unk_token="<unk>"))
    t.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 2)])
    return t


def word_level():
    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Punctuation("merged_with_previous")]
    )
    t.train_from_iterator(words(), trainers.WordLevelTrainer(vocab_size=200, special_tokens=["[UNK]"]))
    t.add_tokens([AddedToken("fox", single_word=True), AddedToken("token", single_word=True, normalized=False)])
    return t


KINDS = {
    "bert-uncased": lambda: bert(True),
    "bert-cased": lambda: bert(False, strip_accents=False, handle_chinese_chars=False),
    "bert-padded": bert_padded,
    "gpt2": gpt2,
    "roberta": roberta,
    "llama3": llama3,
    "llama2": llama2,
    "clip": clip,
    "unigram": unigram,
    "unigram-first": lambda: unigram("first"),
    "word-level": word_level,
}


def encoding(e):
    return [e.ids, e.type_ids, e.attention_mask, e.special_tokens_mask]


def main():
    out = []
    for name, make in KINDS.items():
        t = make()
        cases = []
        for text in TEXTS:
            e = t.encode(text)
            cases.append({"encoding": encoding(e), "decoded": t.decode(e.ids), "all": t.decode(e.ids, skip_special_tokens=False)})
        out.append({
            "name": name,
            "tokenizer": json.loads(t.to_str()),
            "cases": cases,
            "pairs": [encoding(t.encode(*p)) for p in PAIRS],
            "batch": [encoding(e) for e in t.encode_batch(TEXTS[:6])],
            "plain": [t.encode(x, add_special_tokens=False).ids for x in TEXTS[:6]],
        })
    target = pathlib.Path(__file__).with_name("tokenizers.json")
    text = json.dumps({"texts": TEXTS, "pairs": PAIRS, "tokenizers": out}, ensure_ascii=False, separators=(",", ":"))
    target.write_text(text + "\n")
    print(target, len(text.encode()), "bytes")


main()
