// Stands in for @inquirer/external-editor in the bundle: no question of ours opens an editor, and
// its tables of character encodings would be a third of all that we ship.
export function editAsync() {
  throw new Error('this build asks no question that opens an editor');
}
