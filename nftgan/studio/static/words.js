// What was said of a seed, in words for a person.

const seedWords = (seeds) => {
  const all = Array.isArray(seeds) ? seeds : [seeds];
  return all.length === 1 ? [`Seed ${all[0]}`, "is", "has"] : [`${all.length} seeds`, "are", "have"];
};

// said: the change; before: what `picked` was where it is taken back.
export function words(seeds, said, before) {
  const [who, are, have] = seedWords(seeds);
  if ("picked" in said) {
    if (said.picked === true) return `${who} ${are} picked`;
    if (said.picked === false) return `${who} ${are} rejected`;
    if (before === true) return `${who} ${are} not picked any more`;
    if (before === false) return `${who} ${are} not rejected any more`;
    return `${who} ${are} undecided`;
  }
  if ("stars" in said) return said.stars === null ? `${who} ${have} no stars` : `${who} ${have} ${said.stars} of 5 stars`;
  if ("tags" in said) return `the tags of ${who.toLowerCase()} are as before`;
  return `the words of ${who.toLowerCase()} are as before`;
}
