// Package optout knows the words by which people say that they want no more marketing messages, or want them again. It
// knows what was said, not who said it, nor in which dialect.
package optout

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// A Wish is what somebody wants of marketing messages.
type Wish int

// The wishes.
const (
	None Wish = iota // nothing was said of them
	Stop
	Resume
)

// Options are the words of a source: its setting opt_out.
//
// A message that is one of them and nothing else, or a pressed button that has one as its label or its payload, is taken
// at its word. Case does not matter, nor do spaces, hyphens and underscores: OPT_OUT and "Opt out" are the same. A stop
// may have punctuation around it ("Stop!"); with a resume, "start?" would be a question. Longer texts with a word in them
// are never understood: to guess is for people.
type Options struct {
	// Stop are the words that stop marketing messages. Default: [DefaultStop], since who says stop should not have to be
	// in the right list; what is named here replaces it.
	Stop []string `yaml:"stop"`

	// Resume are the words that allow them again. Default none: START opens many a chat bot's menu, and to write to
	// somebody who does not want it is worse than not to write. Name a word that your texts ask for.
	Resume []string `yaml:"resume"`

	// Ignore says that no word and no button means anything. Default false. What Meta itself reports (user preferences,
	// error 131050) counts all the same.
	Ignore bool `yaml:"ignore"`
}

// DefaultStop lists the words for a stop in the languages of most WhatsApp users. Each means that somebody leaves a list,
// or is stop itself, which is used everywhere. Words that answer questions as well (cancel, end, quit, no) are missing.
func DefaultStop() []string {
	return []string{
		"stop", "stop all", "stopall", "unsubscribe", "opt out", "optout", "stop promotions", "stop messages", "stop marketing", // English
		"baja", "darse de baja", "dar de baja", "darme de baja", "cancelar suscripción", "cancelar suscripcion", "detener promociones", // Spanish
		"sair", "parar", "descadastrar", "cancelar inscrição", "cancelar inscricao", "parar promoções", "parar promocoes", // Portuguese
		"stopp", "abmelden", "abbestellen", "keine werbung", // German
		"désabonner", "desabonner", "se désabonner", "se desabonner", "me désabonner", "désinscrire", "desinscrire", "désinscription", "desinscription", // French
		"disiscrivi", "disiscrivimi", "annulla iscrizione", "cancella iscrizione", // Italian
		"afmelden", "uitschrijven", // Dutch
		"berhenti", "berhenti berlangganan", // Indonesian, Malay
		"abonelikten çık", "abonelikten cik", "abonelikten ayrıl", "ret", // Turkish
		"стоп", "отписаться", "отписка", // Russian
		"إيقاف", "ايقاف", "توقف", "إلغاء الاشتراك", "الغاء الاشتراك", // Arabic
		"बंद करें", "बंद करो", "रोकें", "सदस्यता समाप्त करें", // Hindi
		"退订", "退訂", "取消订阅", "取消訂閱", "td", // Chinese
		"配信停止", "購読解除", // Japanese
		"수신거부", "수신 거부", // Korean
	}
}

// Words are the words of a source, ready to be compared. The zero Words know none. They are safe for concurrent use.
type Words struct {
	wishes  map[string]Wish // by what [fold] makes of a word
	longest int             // of the words, in bytes
}

// New prepares the words. The error names the option at fault.
func New(o Options) (Words, error) {
	if o.Ignore {
		if len(o.Stop)+len(o.Resume) > 0 {
			return Words{}, errors.New("opt_out: ignore is true, and words are named")
		}
		return Words{}, nil
	}
	if len(o.Stop) == 0 {
		o.Stop = DefaultStop()
		// A default must not stand in the way of what somebody says explicitly.
		resume := make(map[string]bool)
		for _, word := range o.Resume {
			resume[fold(word)] = true
		}
		o.Stop = slices.DeleteFunc(o.Stop, func(word string) bool { return resume[fold(word)] })
	}
	w := Words{wishes: make(map[string]Wish, len(o.Stop)+len(o.Resume))}
	for _, list := range []struct {
		name  string
		words []string
		wish  Wish
	}{{"stop", o.Stop, Stop}, {"resume", o.Resume, Resume}} {
		for i, word := range list.words {
			folded := fold(word)
			if list.wish == Stop {
				folded = bare(folded)
			}
			switch {
			case folded == "":
				return Words{}, fmt.Errorf("opt_out.%s[%d] is no word", list.name, i)
			case len(folded) > 200:
				return Words{}, fmt.Errorf("opt_out.%s[%d] is longer than 200 bytes", list.name, i)
			case w.wishes[folded] != None && w.wishes[folded] != list.wish:
				return Words{}, fmt.Errorf("opt_out.%s[%d] is in stop as well", list.name, i)
			}
			w.wishes[folded] = list.wish
			w.longest = max(w.longest, len(folded))
		}
	}
	return w, nil
}

// Wish says what a text means.
func (w Words) Wish(text string) Wish {
	if len(text) == 0 || len(text) > 4*w.longest+64 { // what is folded away makes no long text short
		return None
	}
	folded := fold(text)
	if wish := w.wishes[folded]; wish != None {
		return wish
	}
	if w.wishes[bare(folded)] == Stop {
		return Stop
	}
	return None
}

// Said says what several texts mean that were said at once, such as the label of a button and what is behind it: where they
// disagree, it is a stop.
func (w Words) Said(texts ...string) Wish {
	said := None
	for _, text := range texts {
		if wish := w.Wish(text); wish == Stop || said == None {
			said = wish
		}
	}
	return said
}

// fold makes texts alike that differ in case, in what separates their words and in what cannot be seen.
func fold(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	gap := false
	for _, r := range text {
		switch {
		case unicode.IsSpace(r), r == '_', r == '-':
			gap = b.Len() > 0
			continue
		case unicode.Is(unicode.Cf, r), unicode.Is(unicode.Variation_Selector, r):
			continue
		}
		if gap {
			b.WriteByte(' ')
			gap = false
		}
		b.WriteRune(lowest(r))
	}
	return b.String()
}

// lowest stands for a letter in all of its cases, as Unicode's simple folding knows them. Turkish has its own: there a
// word may be written with either i.
func lowest(r rune) rune {
	if r == 'İ' || r == 'ı' {
		r = 'i'
	}
	low := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		low = min(low, next)
	}
	return low
}

// bare is a folded text without the punctuation around it.
func bare(folded string) string {
	return strings.TrimFunc(folded, func(r rune) bool { return r == ' ' || unicode.IsPunct(r) })
}
