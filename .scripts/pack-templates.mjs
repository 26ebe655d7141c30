// Writes the templates as the bundle reads them, two files for each stack and add-on: the text of
// what is copied, since JSON is read sooner than thirty files and than JavaScript, and what EJS made
// of each `.ejs`, so that no run has to load EJS and compile.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import ejs from 'ejs';

/**
 * @param root the repository
 * @param readTemplateFiles of src/effects/template-files.ts
 * @param target the folder to write into
 */
export async function packTemplates(root, readTemplateFiles, target) {
  for (const kind of ['stacks', 'addons']) {
    await mkdir(new URL(kind, target), { recursive: true });
    for (const name of await readdir(new URL(`templates/${kind}/`, root))) {
      const files = [...readTemplateFiles(`${kind}/${name}`)];
      const texts = files.map(([path, file]) => [path, isEjs(path) ? { ...file, text: '' } : file]);
      const fills = files.map(([path, { text }]) => (isEjs(path) ? compile(path, text) : ''));
      const packed = (ending) => new URL(`${kind}/${name}.${ending}`, target);
      await writeFile(packed('json'), toAscii(JSON.stringify(Object.fromEntries(texts))));
      await writeFile(packed('cjs'), toAscii(`module.exports={\n${fills.join('')}};\n`));
    }
  }
}

function isEjs(path) {
  return path.endsWith('.ejs');
}

/** The function that EJS makes of a template, as text. Of what it may call, only these are there. */
function compile(path, text) {
  const template = new ejs.Template(text, { filename: path, compileDebug: false });
  template.compile();
  return `${JSON.stringify(path)}:function(locals,escapeFn){\n${template.source}},\n`;
}

/** What is only ASCII takes Node half the memory, and less time to read. */
function toAscii(text) {
  return text.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
