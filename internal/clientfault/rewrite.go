package clientfault

import (
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"agentproof/internal/overlay"
)

// helpers is what every package gets that faults are built into. The sources
// on the disk know nothing of it.
const helpers = `package %s

import "os"

// faulty tells whether the client has a fault now.
func faulty(id string) bool { return os.Getenv(%q) == id }

// either is the sound value, or the wrong one of a client with that fault.
func either[T any](id string, sound, wrong T) T {
	if faulty(id) {
		return wrong
	}
	return sound
}
`

// Overlay builds all faults into the sources below root. It fails when an edit
// does not find its place any more.
func Overlay(root string) (overlay.Overlay, error) {
	placed := make(map[string][]place)
	for _, f := range All() {
		for _, e := range f.Edits {
			placed[e.File] = append(placed[e.File], place{Edit: e, id: f.ID()})
		}
	}
	out := make(overlay.Overlay)
	var errs []error
	for file, places := range placed {
		src, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			return nil, err
		}
		pkg, content, err := rewrite(file, src, places)
		errs = append(errs, err)
		out[file] = content
		out[path.Join(path.Dir(file), "clientfault.go")] = fmt.Appendf(nil, helpers, pkg, Variable)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return out, nil
}

// place is an edit of one fault, and where it is in the source.
type place struct {
	Edit
	id string

	from, to  int
	statement bool
}

// rewrite builds faults into one source and returns its package's name, too.
func rewrite(file string, src []byte, places []place) (pkg string, content []byte, err error) {
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, parser.SkipObjectResolution)
	if err != nil {
		return "", nil, err
	}
	var errs []error
	for i := range places {
		errs = append(errs, places[i].find(fset, f, src))
	}
	if err := errors.Join(errs...); err != nil {
		return "", nil, err
	}
	// From the end, so that what is before stays where it is.
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(b.from, a.from) })
	end := len(src)
	for i := 0; i < len(places); {
		p := &places[i]
		text := string(src[p.from:p.to])
		if p.to > end {
			return "", nil, fmt.Errorf("%s: two faults overlap at `%s` in %s: give both the larger source", file, text, p.Func)
		}
		for ; i < len(places) && places[i].from == p.from && places[i].to == p.to; i++ {
			text = places[i].around(text)
		}
		src = slices.Replace(slices.Clone(src), p.from, p.to, []byte(text)...)
		end = p.from
	}
	return f.Name.Name, src, nil
}

// find looks for the one place in the function that reads like the edit's
// sound source: an expression, a statement, or a key with its value.
func (p *place) find(fset *token.FileSet, f *ast.File, src []byte) error {
	fn := function(f, p.Func)
	if fn == nil {
		return fmt.Errorf("the fault %q is for %s in %s, which has no such function: change the fault", p.id, p.Func, p.File)
	}
	sound, key := words(p.Sound), ""
	found := 0
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if n == nil {
			return false
		}
		from, to := fset.Position(n.Pos()).Offset, fset.Position(n.End()).Offset
		if words(string(src[from:to])) != sound || (found > 0 && from == p.from && to == p.to) {
			return true // another, or the expression that is all of a statement
		}
		found++
		p.from, p.to = from, to
		switch n := n.(type) {
		case ast.Stmt:
			p.statement = true
		case *ast.KeyValueExpr:
			p.from = fset.Position(n.Value.Pos()).Offset
			key, _, _ = strings.Cut(string(src[from:to]), ":")
		}
		return true
	})
	if found != 1 {
		return fmt.Errorf("the fault %q is for `%s` in %s of %s, which is there %d times instead of once: change the fault",
			p.id, p.Sound, p.Func, p.File, found)
	}
	if key != "" {
		name, value, _ := strings.Cut(p.Faulty, ":")
		if name != key {
			return fmt.Errorf("the fault %q is for the value of `%s`, and its faulty source is not: change the fault", p.id, key)
		}
		p.Faulty = value
	}
	return nil
}

// around is source that has the fault if that is switched on.
func (p *place) around(source string) string {
	if p.statement {
		return fmt.Sprintf("if faulty(%q) {\n%s\n} else {\n%s\n}", p.id, p.Faulty, source)
	}
	return fmt.Sprintf("either(%q, %s, %s)", p.id, source, p.Faulty)
}

// function finds "New" or "Session.Do".
func function(f *ast.File, name string) *ast.FuncDecl {
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		full := fn.Name.Name
		if fn.Recv != nil {
			receiver := fn.Recv.List[0].Type
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver = star.X
			}
			full = receiver.(*ast.Ident).Name + "." + full
		}
		if full == name {
			return fn
		}
	}
	return nil
}

// words is source with all its blanks alike.
func words(source string) string { return strings.Join(strings.Fields(source), " ") }
