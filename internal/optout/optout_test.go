package optout

import (
	"strings"
	"testing"
)

func TestWish(t *testing.T) {
	words, err := New(Options{Resume: []string{"START", "start again"}})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Wish{
		"STOP": Stop, "stop": Stop, " Stop \n": Stop, "Stop!": Stop, "“stop”.": Stop, "\u200bstop\ufe0f": Stop,
		"OPT-OUT": Stop, "opt_out": Stop, "Opt  Out": Stop, "STOP_PROMOTIONS": Stop,
		"ABMELDEN": Stop, "Désabonner": Stop, "DÉSABONNER": Stop, "СТОП": Stop, "Отписаться": Stop, "إيقاف": Stop, "बंद करें": Stop,
		"退订": Stop, "ſtop": Stop, "ABONELİKTEN ÇIK": Stop, "abonelikten çık": Stop, "수신거부": Stop,
		"start": Resume, "Start  again": Resume,
		"": None, " ": None, "!": None, "please stop": None, "stop it": None, "stopping": None, "start?": None, "cancel": None, "s t o p": None,
		"no": None, "ok": None, strings.Repeat(" ", 5000) + "x": None, "\xff": None,
	} {
		if got := words.Wish(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if got := (Words{}).Wish("stop"); got != None {
		t.Errorf("without words, stop means %d", got)
	}
}

func TestSaid(t *testing.T) {
	words, err := New(Options{Resume: []string{"start"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		texts []string
		want  Wish
	}{
		{nil, None},
		{[]string{"", "x"}, None},
		{[]string{"x", "stop"}, Stop},
		{[]string{"stop", "x"}, Stop},
		{[]string{"start", ""}, Resume},
		{[]string{"", "start"}, Resume},
		{[]string{"stop", "start"}, Stop},
		{[]string{"start", "stop"}, Stop},
	} {
		if got := words.Said(test.texts...); got != test.want {
			t.Errorf("%q: %d, want %d", test.texts, got, test.want)
		}
	}
}

func TestNew(t *testing.T) {
	for name, c := range map[string]struct {
		options Options
		text    string
		want    Wish
		err     string
	}{
		"default":           {Options{}, "stop", Stop, ""},
		"no default resume": {Options{}, "start", None, ""},
		"named":             {Options{Stop: []string{"Genug"}}, "GENUG.", Stop, ""},
		"named instead":     {Options{Stop: []string{"genug"}}, "stop", None, ""},
		"ignored":           {Options{Ignore: true}, "stop", None, ""},
		"wins over default": {Options{Resume: []string{"ret"}}, "RET", Resume, ""},
		"ignored and named": {Options{Ignore: true, Stop: []string{"stop"}}, "", None, "opt_out: ignore is true, and words are named"},
		"in both":           {Options{Stop: []string{"a", "b"}, Resume: []string{"c", "B"}}, "", None, "opt_out.resume[1] is in stop as well"},
		"empty":             {Options{Stop: []string{"a", " "}}, "", None, "opt_out.stop[1] is no word"},
		"punctuation":       {Options{Stop: []string{"!"}}, "", None, "opt_out.stop[0] is no word"},
		"long":              {Options{Resume: []string{strings.Repeat("a", 201)}}, "", None, "opt_out.resume[0] is longer than 200 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			words, err := New(c.options)
			if (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if got := words.Wish(c.text); got != c.want {
				t.Errorf("%q: %d, want %d", c.text, got, c.want)
			}
		})
	}
}

// Nothing in the list of defaults is there twice or could not be said.
func TestDefaultStop(t *testing.T) {
	words, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, word := range DefaultStop() {
		if other, ok := seen[fold(word)]; ok {
			t.Errorf("%q is %q again", word, other)
		}
		seen[fold(word)] = word
		for _, said := range []string{word, strings.ToUpper(word), strings.ReplaceAll(word, " ", "_")} {
			if words.Wish(said) != Stop {
				t.Errorf("%q does not stop", said)
			}
		}
	}
}

func FuzzWish(f *testing.F) {
	words, err := New(Options{Resume: []string{"START"}})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"STOP", "start", "ﬁ", "\xff", "İ", "stop\u0301"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		wish := words.Wish(text)
		if len(text) < 32 && words.Wish("  "+text+"\t") != wish {
			t.Errorf("%q means something else with space around it", text)
		}
		if folded := fold(text); fold(folded) != folded {
			t.Errorf("%q folds to %q, and that to %q", text, folded, fold(folded))
		}
	})
}
