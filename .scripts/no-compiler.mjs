/** For the bundle, whose templates are compiled already: `file.fill` is there. */
export function compileTemplate(path) {
  throw new Error(`${path} was not compiled when this was built`);
}
