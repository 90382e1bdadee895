package config

import (
	"reflect"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"holdfast/internal/signature"
)

// scalar sets a single value: text, a number, true or false, a duration or a size.
func (r *reader) scalar(n ast.Node, at string, v reflect.Value) {
	if _, ok := n.(*ast.NullNode); ok {
		r.empty(at, v)
		return
	}
	text, ok := scalarText(n)
	if !ok {
		r.problem(at, "want %s, found %s", wanted(v), describe(n))
		return
	}
	text, err := r.expand(text)
	if err != nil {
		r.problem(at, "%v", err)
		return
	}
	if text == "" {
		r.empty(at, v)
		return
	}
	switch target := v.Addr().Interface().(type) {
	case *time.Duration:
		*target, err = time.ParseDuration(text)
		ok = err == nil
	case *Size:
		*target, err = parseSize(text)
		ok = err == nil
	case *Rate:
		*target, err = parseRate(text)
		ok = err == nil
	default:
		ok = setKind(n, text, v)
	}
	if !ok {
		r.problem(at, "want %s, found %s", wanted(v), describe(n))
	}
}

// empty leaves the default, except that a secret which is there but empty is always a mistake, such as a variable that
// is set to nothing: anybody could sign with it. In a list nothing is a default either.
func (r *reader) empty(at string, v reflect.Value) {
	if v.Type() == reflect.TypeFor[signature.Secret]() {
		r.problem(at, "is empty")
	} else if at[len(at)-1] == ']' {
		r.problem(at, "is empty, want %s", wanted(v))
	}
}

// setKind sets a value by its kind. Text must be text in YAML too, because a secret such as 0123 or 1e5 would not
// survive being a number; other kinds may stand in quotes, as they must to hold a variable in a flow mapping.
func setKind(n ast.Node, text string, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		if !isText(n) {
			return false
		}
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return false
		}
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return false
		}
		v.SetInt(i)
	default: // a provider's options have a kind that nobody taught us: a mistake of ours, not of the file
		panic("config: settings cannot be of type " + v.Type().String())
	}
	return true
}

// wanted says what a value should be.
func wanted(v reflect.Value) string {
	switch v.Addr().Interface().(type) {
	case *time.Duration:
		return "a duration such as 15s or 72h"
	case *Size:
		return "a size such as 4MiB, 500KB or 65536"
	case *Rate:
		return "a rate such as 10/s, 300/m or 1000/h"
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	default:
		return "text (in quotes)"
	}
}

// describe says what kind of value a node is, and nothing of the value.
func describe(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "names with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	case *ast.NullNode, nil:
		return "nothing"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	default:
		return "something else"
	}
}

func isText(n ast.Node) bool {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		return true
	}
	return false
}

func isScalar(n ast.Node) bool {
	_, ok := scalarText(n)
	return ok
}

func scalarText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
