// Package condition decides by a condition in CEL (https://cel.dev) whether a destination is to be told of an event. This is
// the manual of what a condition may say: an expression of CEL's standard library that is true or false, such as
//
//	event.severity == "critical" || account.labels.team == "payments"
//	event.type == "phone.limit_lowered" && event.details.limit in ["TIER_50", "TIER_250"]
//	event.details.errors.exists(e, e.code == "131042")
//	has(event.details.text) && event.details.text.matches("(?i)refund|chargeback")
//	!event.test && event.time.getHours("Europe/Berlin") >= 8
//
// # Names
//
//	event.type          text       from the catalog, such as account.banned
//	event.id            text       of the event
//	event.source        text       name of the source that it came to
//	event.provider      text       the dialect of the source, such as meta
//	event.account       text       WhatsApp business account id; "" if it belongs to none
//	event.phone.id      text       id of the business number; "" if it is not about one, or the provider does not say it
//	event.phone.number  text       the business number, digits only; likewise
//	event.time          timestamp  when it happened, by the provider's clock
//	event.severity      text       critical, warning or info
//	event.field         text       the provider's name of what it came from, such as account_update
//	event.test          bool       made by a provider's dashboard
//	event.details       map        what happened: the members of data.details, as receivers read them
//	account.name        text       what the configuration calls the event's account; "" if it does not know it
//	account.tenant      text       whose it is; likewise
//	account.labels      map        its labels, tenant among them
//
// Whether an event is late is not among them: that is known only once it is recorded, and it is routed before.
//
// # What is not there
//
// A member that event.details does not have may be asked for: it equals nothing, not even null, and has no members either. So
// event.details.reason == "SCAM" is false where there is no reason, and event.details.reason != "SCAM" is true. has() tells
// whether it is there. A label that the account does not have is "".
//
// What remains can fail: to compare what is not there by <, to call matches or startsWith on what is no text, to read what is
// no time as one. A condition that fails counts as true. An event too many can be ignored, one too few is lost; has(), as above,
// keeps a condition from failing. Failures are counted (holdfast_route_condition_failures_total) and logged once for each
// destination. A condition that takes too long, over twenty thousand steps or two hundred thousand letters, fails as well: no
// condition can keep anybody waiting.
//
// Numbers in details are compared by value, whole or not. Times in them are text: timestamp(event.details.until) reads one.
package condition

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/checker"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

const (
	// maxLength is in letters. Whoever needs more wants a program of their own.
	maxLength = 4096
	// maxCost bounds one evaluation, in CEL's units: about what it takes to read a name, or ten letters of a text. To count them
	// takes a time that grows with their square where a list is gone through: this many are some hundredths of a second.
	maxCost = 20_000
	// nesting bounds comprehensions in one another, such as exists in exists.
	nesting = 3
)

// A Condition is ready to be asked. It is safe for concurrent use.
type Condition struct {
	program cel.Program
	ast     *cel.Ast
}

// An Error says what is wrong with a condition. It repeats nothing of it but names.
type Error struct {
	Line, Column int // within the condition, from 1; 0 if it is about all of it
	Text         string
	Unknown      string // the name that is not known, if that is it: one of [Names] may be meant
}

func (e *Error) Error() string { return where(e.Line, e.Column) + e.Text }

// where names a place in a condition. Most have one line.
func where(line, column int) string {
	switch {
	case line == 0:
		return ""
	case line == 1:
		return fmt.Sprintf("at letter %d: ", column)
	}
	return fmt.Sprintf("at line %d, letter %d: ", line, column)
}

// Compile reads a condition. The error is an [*Error].
func Compile(text string) (*Condition, error) {
	if utf8.RuneCountInString(text) > maxLength {
		return nil, &Error{Text: fmt.Sprintf("is longer than %d letters", maxLength)}
	}
	env, err := cel.NewEnv(append(declarations(), cel.CustomTypeAdapter(adapter{}), cel.ASTValidators(
		cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateRegexLiterals(),
		cel.ValidateComprehensionNestingLimit(nesting),
	))...)
	if err != nil {
		return nil, &Error{Text: "cannot be read: " + err.Error()} // it would be the same for every condition
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, explain(text, issues.Errors())
	}
	if checked.OutputType() != cel.BoolType {
		return nil, &Error{Text: "want true or false, as a comparison is; this is " + cel.FormatCELType(checked.OutputType())}
	}
	if e := fixedPatterns(checked); e != nil {
		return nil, e
	}
	options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
	// To count the steps takes as long as the rest. Most conditions cannot take many.
	if estimate, err := env.EstimateCost(checked, sizes{}); err != nil || estimate.Max > maxCost {
		options = append(options, cel.CostLimit(maxCost))
	}
	program, err := env.Program(checked, options...)
	if err != nil {
		return nil, &Error{Text: "cannot be made ready: something in it is not of a form that can be evaluated"}
	}
	return &Condition{program: program, ast: checked}, nil
}

// explain chooses the first of CEL's complaints: the others often follow from it.
func explain(text string, list []*cel.Error) *Error {
	first := list[0]
	for _, e := range list {
		if e.Location.Line() < first.Location.Line() || e.Location.Line() == first.Location.Line() && e.Location.Column() < first.Location.Column() {
			first = e
		}
	}
	out := &Error{Line: max(first.Location.Line(), 1), Column: max(first.Location.Column(), 0) + 1, Text: first.Message}
	switch {
	case strings.HasPrefix(first.Message, "Syntax error"):
		out.Text = "is not CEL from here on" // the library would quote it
	case strings.HasPrefix(first.Message, "undeclared reference"):
		out.Unknown = nameAt(text, out.Line, out.Column)
		switch out.Unknown {
		case "event.late":
			out.Text = "whether an event is late is known only once it is recorded: it is routed before"
			out.Unknown = ""
		case "event", "event.phone", "account":
			out.Text = fmt.Sprintf("%s stands for nothing by itself: want %s", out.Unknown, strings.Join(below(out.Unknown), ", "))
			out.Unknown = ""
		case "":
			if _, function, ok := strings.Cut(first.Message, "'"); ok {
				function, _, _ = strings.Cut(function, "'")
				out.Text = function + " is no function that conditions know"
			}
		default:
			out.Text = out.Unknown + " is no name that conditions know"
			if slices.Contains(Names(), out.Unknown) { // in has()
				out.Text, out.Unknown = "has() is for members of event.details and account.labels: the others are always there", ""
			}
		}
	}
	return out
}

// nameAt is the name, with its members, at a place in a text.
func nameAt(text string, line, column int) string {
	lines := strings.Split(text, "\n")
	letters := []rune(lines[min(line, len(lines))-1])
	letters = letters[min(column-1, len(letters)):]
	end := 0
	for end < len(letters) && strings.ContainsRune(nameLetters, letters[end]) {
		end++
	}
	name := strings.TrimSuffix(string(letters[:end]), ".")
	if end < len(letters) && letters[end] == '(' { // a call of something that this is the target of
		name = name[:max(strings.LastIndexByte(name, '.'), 0)]
	}
	return name
}

const nameLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."

// fixedPatterns makes sure that no event brings the pattern that is looked for: only what stands in the condition is known to
// be one, and to be cheap.
func fixedPatterns(checked *cel.Ast) *Error {
	var found *Error
	native := checked.NativeRep()
	ast.PostOrderVisit(native.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != overloads.Matches || found != nil {
			return
		}
		args := e.AsCall().Args()
		if pattern := args[len(args)-1]; pattern.Kind() != ast.LiteralKind {
			at := native.SourceInfo().GetStartLocation(pattern.ID())
			found = &Error{Line: at.Line(), Column: at.Column() + 1, Text: "want a text in quotes as the pattern of matches"}
		}
	}))
	return found
}

// A Failure is why a condition could not be evaluated for an event. It holds nothing of either.
type Failure struct {
	Line, Column int // within the condition, from 1; 0 if that is not known
	Reason       string
}

func (f *Failure) Error() string { return where(f.Line, f.Column) + f.Reason }

// Matches reports whether the condition holds for a subject. With an error, a [*Failure], it could not be evaluated, and counts
// as true.
func (c *Condition) Matches(s *Subject) (bool, error) {
	out, _, err := c.program.Eval(s)
	if err == nil {
		if holds, ok := out.(types.Bool); ok {
			return bool(holds), nil
		}
		return true, &Failure{Reason: "it was neither true nor false"} // no checked condition is
	}
	return true, c.failure(err)
}

// failure says in fixed words what an error means, because it may quote the event.
func (c *Condition) failure(err error) *Failure {
	f := &Failure{Reason: "something cannot be done with what the event holds there"}
	switch text := err.Error(); {
	case strings.Contains(text, "cost limit exceeded"):
		f.Reason = "it takes too long"
	case strings.HasPrefix(text, "no such overload"):
		f.Reason = "what the event holds there, or does not hold, is of another kind than this needs"
	case strings.HasPrefix(text, "index out of bounds"):
		f.Reason = "the list has no such element"
	}
	if at, ok := err.(interface{ NodeID() int64 }); ok && at.NodeID() != 0 {
		place := c.ast.NativeRep().SourceInfo().GetStartLocation(at.NodeID())
		if place.Line() > 0 {
			f.Line, f.Column = place.Line(), place.Column()+1
		}
	}
	return f
}

// sizes tells CEL how large things are, to estimate what a condition may cost.
type sizes struct{}

const (
	nameSize   = 1 << 10 // of what has a name of its own; far more than any has
	detailSize = 4 << 20 // of anything in details: as much as a webhook has
)

func (sizes) EstimateSize(n checker.AstNode) *checker.SizeEstimate {
	most := uint64(nameSize)
	if path := n.Path(); len(path) == 0 || path[0] == "event.details" {
		most = detailSize
	}
	return &checker.SizeEstimate{Max: most}
}

func (sizes) EstimateCallCost(string, string, *checker.AstNode, []checker.AstNode) *checker.CallEstimate {
	return nil // as CEL estimates its own
}
