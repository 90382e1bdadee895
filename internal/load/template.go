package load

import (
	"fmt"
	"strconv"
	"strings"
)

// A place is what is filled in at a {place} of a shape.
type place uint8

const (
	text    place = iota // as it stands
	token                // see [Run]
	wamid                // the id of a message, with the token in it
	account              // of the pool
	phone                // of the account
	phoneID              // of the phone
	contact              // of the pool
	seconds              // when it is sent
	state                // sent, delivered or read
	ban                  // DISABLE or REINSTATE
	words                // what somebody wrote
)

func parsePlace(name string) (place, bool) {
	p, ok := map[string]place{
		"token": token, "wamid": wamid, "account": account, "phone": phone, "phone_id": phoneID, "contact": contact,
		"time": seconds, "status": state, "ban": ban, "text": words,
	}[name]
	return p, ok
}

// A piece is text, or a place.
type piece struct {
	place place
	text  string
}

// A template is a text that was taken apart, so that it can be filled in without being read again.
type template []piece

// parse takes a text apart. A { that begins no place is text: JSON has many.
func parse(from string) template {
	var t template
	plain := strings.Builder{}
	for from != "" {
		if name, rest, ok := strings.Cut(from, "}"); ok && strings.HasPrefix(name, "{") {
			if p, ok := parsePlace(name[1:]); ok {
				t = append(t, piece{text: plain.String()}, piece{place: p})
				plain.Reset()
				from = rest
				continue
			}
		}
		plain.WriteByte(from[0])
		from = from[1:]
	}
	return append(t, piece{text: plain.String()})
}

// A filling is what one update fills its places with.
type filling struct {
	run    Run
	number uint32
	kind   Kind
	at     int64 // Unix seconds
	pool   Pool
}

func (t template) fill(to []byte, f filling) []byte {
	random := mix(uint64(f.number))
	account64 := random % uint64(f.pool.Accounts)
	number := account64*uint64(f.pool.Phones) + random>>32%uint64(f.pool.Phones)
	for _, p := range t {
		switch p.place {
		case text:
			to = append(to, p.text...)
		case token:
			to = f.run.appendToken(to, f.number)
		case wamid:
			to = append(f.run.appendToken(append(to, "wamid.HBgN"...), f.number), "FQIAERgSM0E5QjdDAA=="...)
		case account:
			to = appendDigits(to, 102_290_000_000_000+account64, 15)
		case phone:
			to = appendDigits(to, 15_550_000_000+number, 11)
		case phoneID:
			to = appendDigits(to, 106_540_000_000+number, 12)
		case contact:
			to = appendDigits(to, 447_000_000_000+mix(random)%uint64(f.pool.Contacts), 12)
		case seconds:
			to = strconv.AppendInt(to, f.at, 10)
		case state:
			to = append(to, [...]string{"sent", "delivered", "read"}[random>>16%3]...)
		case ban:
			to = append(to, map[bool]string{true: "DISABLE", false: "REINSTATE"}[f.kind == Ban]...)
		case words:
			to = appendWords(to, random, f.kind)
		}
	}
	return to
}

// bigText is how long a message of [Big] is: 1,000 of them make about 3 MB, which is what Meta sends at most.
const bigText = 2_600

var vocabulary = strings.Fields(`the order has not arrived yet could you please tell me when it will be here thank you for your
	help my number is on the invoice from last week I would like to change the address of delivery to another street and city`)

// appendWords writes a message: 20 to 150 characters, or as many as a big one has.
func appendWords(to []byte, random uint64, kind Kind) []byte {
	length := 20 + int(random>>24%130)
	if kind == Big {
		length = bigText
	}
	for end := len(to) + length; len(to) < end; {
		random = mix(random)
		for shift := 0; shift < 64 && len(to) < end; shift += 8 {
			to = append(to, vocabulary[int(random>>shift&0xff)%len(vocabulary)]...)
			to = append(to, ' ')
		}
	}
	return to[:len(to)-1]
}

// A Pool is how many different accounts, numbers and people there are. The zero value of a member has a default.
type Pool struct {
	Accounts int // default 200
	Phones   int // of each account; default 2
	Contacts int // default 100,000
}

func (p Pool) withDefaults() (Pool, error) {
	for _, n := range []struct {
		of    *int
		usual int
	}{{&p.Accounts, 200}, {&p.Phones, 2}, {&p.Contacts, 100_000}} {
		if *n.of == 0 {
			*n.of = n.usual
		}
		if *n.of < 0 || *n.of > 1_000_000 {
			return p, fmt.Errorf("a pool of %d is not possible", *n.of)
		}
	}
	return p, nil
}
