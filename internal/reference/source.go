package reference

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// A source is Go code as it is written: comments are not in a compiled program, and what they say of a member is what a
// receiver wants to know.
type source struct {
	types  map[string]*ast.TypeSpec
	docs   map[string]string     // of types
	values map[string][]constant // of named types, in their order
}

// A constant is a named value.
type constant struct {
	Name, Value, Doc string
}

// readSource parses the files where everything that a receiver sees is declared.
func readSource(repository fs.FS) (*source, error) {
	files, err := fs.Glob(repository, "internal/webhook/*.go")
	if err != nil {
		return nil, fmt.Errorf("find Go files: %w", err)
	}
	s := &source{types: map[string]*ast.TypeSpec{}, docs: map[string]string{}, values: map[string][]constant{}}
	for _, name := range append(files, "internal/cloudevent/cloudevent.go") {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(repository, name)
		if err != nil {
			return nil, fmt.Errorf("read Go file: %w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("parse Go file: %w", err)
		}
		for _, declared := range file.Decls {
			if d, ok := declared.(*ast.GenDecl); ok {
				s.declare(d)
			}
		}
	}
	return s, nil
}

func (s *source) declare(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			s.types[spec.Name.Name] = spec
			s.docs[spec.Name.Name] = comment(d.Doc, spec.Doc)
		case *ast.ValueSpec:
			of, named := spec.Type.(*ast.Ident)
			if d.Tok != token.CONST || !named || len(spec.Values) != 1 {
				continue
			}
			if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
				value, err := strconv.Unquote(literal.Value)
				if err != nil {
					continue // the parser has seen to it
				}
				s.values[of.Name] = append(s.values[of.Name], constant{spec.Names[0].Name, value, comment(spec.Comment, spec.Doc)})
			}
		}
	}
}

// comment is the first of some comments that there is, in one line.
func comment(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if g != nil {
			return strings.Join(strings.Fields(g.Text()), " ")
		}
	}
	return ""
}

// object is the schema of a struct. Members of embedded structs are its own, as encoding/json has it.
func (s *source) object(name string) (schema, error) {
	declared, ok := s.types[name]
	if !ok {
		return schema{}, fmt.Errorf("there is no type %s", name)
	}
	structure, ok := declared.Type.(*ast.StructType)
	if !ok {
		return schema{}, fmt.Errorf("%s is no struct", name)
	}
	out := schema{Title: name, Type: "object"}
	names := map[string]string{} // in JSON, by those in Go
	for _, field := range structure.Fields.List {
		if len(field.Names) == 0 {
			embedded, err := s.object(typeName(field.Type))
			if err != nil {
				return schema{}, fmt.Errorf("%s: %w", name, err)
			}
			out.Properties = append(out.Properties, embedded.Properties...)
			out.Required = append(out.Required, embedded.Required...)
			continue
		}
		p, required, err := s.member(field)
		if err != nil {
			return schema{}, fmt.Errorf("%s.%s: %w", name, field.Names[0].Name, err)
		}
		out.Properties = append(out.Properties, p)
		if required {
			out.Required = append(out.Required, p.name)
		}
		names[field.Names[0].Name] = p.name
	}
	for i := range out.Properties {
		out.Properties[i].Description = translate(out.Properties[i].Description, names)
	}
	out.Description = translate(predicate(name, s.docs[name]), names)
	return out, nil
}

// member is the schema of a field, and whether it is always there.
func (s *source) member(field *ast.Field) (p property, required bool, err error) {
	tag := ""
	if field.Tag != nil {
		if tag, err = strconv.Unquote(field.Tag.Value); err != nil {
			return property{}, false, fmt.Errorf("read tag: %w", err)
		}
	}
	name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
	if name == "" || name == "-" {
		return property{}, false, fmt.Errorf("it has no name in JSON")
	}
	required = options == ""
	doc := strings.TrimSuffix(predicate(field.Names[0].Name, comment(field.Comment, field.Doc)), ".")
	if doc == "" {
		return property{}, false, fmt.Errorf("no comment says what it is")
	}
	described, err := s.expression(field.Type)
	if err != nil {
		return property{}, false, err
	}
	if required && described.nullable {
		return property{}, false, fmt.Errorf("it may be null: say omitempty")
	}
	described.Description = doc
	return property{name, described}, required, nil
}

// expression is the schema of a type as it is written.
func (s *source) expression(e ast.Expr) (schema, error) {
	switch e := e.(type) {
	case *ast.StarExpr:
		of, err := s.expression(e.X)
		of.nullable = true
		return of, err
	case *ast.ArrayType:
		of, err := s.expression(e.Elt)
		return schema{Type: "array", Items: &of, nullable: true}, err
	case *ast.MapType:
		of, err := s.expression(e.Value)
		return schema{Type: "object", AdditionalProperties: &of, nullable: true}, err
	}
	switch name := typeName(e); name {
	case "string":
		return schema{Type: "string"}, nil
	case "bool":
		return schema{Type: "boolean"}, nil
	case "int":
		return schema{Type: "integer"}, nil
	case "any":
		return schema{}, nil
	case "time.Time":
		return schema{Type: "string", Format: "date-time"}, nil
	case "Body":
		return raw(), nil
	default:
		declared, ok := s.types[name]
		if !ok {
			return schema{}, fmt.Errorf("there is no schema of %s", name)
		}
		if _, ok := declared.Type.(*ast.StructType); !ok {
			return s.expression(declared.Type)
		}
		return s.object(name)
	}
}

// capitalized is a word that may be a name in Go; what is all in capitals may be a value.
var capitalized = regexp.MustCompile(`\b[A-Z]\w*[a-z]\w*`)

// translate calls members by their names in JSON.
func translate(text string, names map[string]string) string {
	return capitalized.ReplaceAllStringFunc(text, func(word string) string { return cmp.Or(names[word], word) })
}

// typeName is the name of a type; of a noun without its package, as the other declarations have it.
func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if from := typeName(e.X); from != "webhook" {
			return from + "." + e.Sel.Name
		}
		return e.Sel.Name
	}
	return ""
}

// predicate is what a comment says of its subject: "Basis is what made us believe it" says "what made us believe it".
func predicate(subject, text string) string {
	rest, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(text, "A "), "An "), subject+" ")
	if !ok {
		return text
	}
	for _, verb := range []string{"is ", "are ", "says that ", "says "} {
		if said, ok := strings.CutPrefix(rest, verb); ok {
			return said
		}
	}
	return text
}
