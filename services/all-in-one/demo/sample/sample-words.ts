// What the sample shop is made of: it sells medical supplies to people, tradespeople and clinics.

// prettier-ignore
export const firstNames = [
  'Amina', 'Anton', 'Beatriz', 'Björn', 'Camille', 'Chidi', 'Clara', 'Daniel', 'Elif', 'Emil', 'Esther', 'Farid', 'Freya', 'Giulia',
  'Hana', 'Henrik', 'Ines', 'Ivan', 'Jana', 'Jonas', 'Karim', 'Katarina', 'Lars', 'Leila', 'Luca', 'Maja', 'Marco', 'Mei', 'Milan',
  'Nadia', 'Noah', 'Olga', 'Pavel', 'Priya', 'Rafael', 'Rosa', 'Samuel', 'Sofia', 'Tariq', 'Tessa', 'Uwe', 'Vera', 'Willem', 'Yara', 'Zoé',
] as const

// prettier-ignore
export const lastNames = [
  'Adeyemi', 'Andersen', 'Bauer', 'Bianchi', 'Costa', 'de Vries', 'Dubois', 'Eriksson', 'Fischer', 'García', 'Haddad', 'Hoffmann', 'Ivanova',
  'Jansen', 'Kaya', 'Klein', 'Kowalski', 'Larsen', 'Lefèvre', 'Lindqvist', 'Martin', 'Meyer', 'Moreau', 'Müller', 'Nguyen', 'Novák', 'Okafor',
  'Peeters', 'Petrov', 'Rossi', 'Santos', 'Schmidt', 'Silva', 'Singh', 'Tanaka', 'van den Berg', 'Vogel', 'Weber', 'Yılmaz', 'Zimmermann',
] as const

export const streets = [
  'Birkenweg',
  'Bahnhofstraße',
  'Church Lane',
  'Gartenstraße',
  'Hauptstraße',
  'Kirchplatz',
  'Lindenallee',
  'Marktgasse',
  'Mill Road',
  'Mühlweg',
  'Rue des Lilas',
  'Schulstraße',
  'Station Road',
  'Via Roma',
] as const

// `#` is any digit.
export const cities = [
  { city: 'Berlin', country: 'DE', postcode: '10###' },
  { city: 'Hamburg', country: 'DE', postcode: '20###' },
  { city: 'Köln', country: 'DE', postcode: '50###' },
  { city: 'Leipzig', country: 'DE', postcode: '04###' },
  { city: 'Wien', country: 'AT', postcode: '1##0' },
  { city: 'Zürich', country: 'CH', postcode: '80##' },
  { city: 'Amsterdam', country: 'NL', postcode: '10## AB' },
  { city: 'Lyon', country: 'FR', postcode: '6900#' },
  { city: 'Milano', country: 'IT', postcode: '201##' },
  { city: 'Kraków', country: 'PL', postcode: '30-###' },
] as const

// Salaries in hundreds of euros a year.
export const departments = [
  { department: 'Management', titles: ['Director', 'Head of Finance'], from: 950, to: 1_600 },
  { department: 'Engineering', titles: ['Software Engineer', 'Data Engineer'], from: 580, to: 980 },
  { department: 'Operations', titles: ['Operations Engineer', 'Planner'], from: 480, to: 820 },
  { department: 'Warehouse', titles: ['Picker', 'Shift Lead', 'Driver'], from: 310, to: 460 },
  { department: 'Support', titles: ['Support Agent', 'Support Lead'], from: 340, to: 560 },
  { department: 'Security', titles: ['Security Analyst'], from: 560, to: 900 },
] as const

// prettier-ignore
export const goods = [
  ['Digital thermometer', 'diagnostics', 14.9], ['Infrared thermometer', 'diagnostics', 39.5], ['Blood pressure monitor', 'diagnostics', 64],
  ['Pulse oximeter', 'diagnostics', 34.9], ['Stethoscope, dual head', 'diagnostics', 89], ['Otoscope, LED', 'diagnostics', 149],
  ['Glucose meter', 'diagnostics', 29.9], ['Glucose test strips, 50', 'diagnostics', 24.5], ['Ophthalmoscope', 'diagnostics', 219],
  ['Adhesive dressings, 100', 'wound care', 12.4], ['Elastic bandage 8 cm', 'wound care', 3.2], ['Gauze swabs, 100', 'wound care', 6.8],
  ['Hydrocolloid dressing, 10', 'wound care', 31.9], ['Wound irrigation, 500 ml', 'wound care', 8.9], ['Suture set', 'wound care', 18.7],
  ['Burn gel sachets, 25', 'wound care', 22.5], ['Nitrile gloves M, 100', 'protection', 9.9], ['Nitrile gloves L, 100', 'protection', 9.9],
  ['FFP2 respirators, 20', 'protection', 15.5], ['Face shields, 10', 'protection', 19], ['Isolation gowns, 10', 'protection', 27.8],
  ['Hand disinfectant, 1 l', 'hygiene', 11.2], ['Surface disinfectant, 5 l', 'hygiene', 38.6], ['Disinfectant wipes, 120', 'hygiene', 10.9],
  ['Sharps container, 3 l', 'hygiene', 7.4], ['Walking frame, foldable', 'mobility', 79], ['Rollator, light', 'mobility', 189],
  ['Wheelchair, standard', 'mobility', 329], ['Crutches, pair', 'mobility', 36.5], ['Transfer board', 'mobility', 58],
  ['Shower chair', 'mobility', 54.9], ['First aid kit DIN 13157', 'first aid', 26.9], ['First aid kit DIN 13169', 'first aid', 52.9],
  ['Defibrillator (AED)', 'first aid', 1190], ['AED electrodes', 'first aid', 69], ['Rescue blanket, 10', 'first aid', 13.5],
  ['Instant cold packs, 24', 'first aid', 21.6], ['Resuscitation mask', 'first aid', 17.9], ['Examination couch', 'furniture', 489],
  ['Instrument trolley', 'furniture', 265],
] as const

export const tickets = [
  { subject: 'Parcel arrived damaged', body: 'The box of order % was torn open.' },
  { subject: 'Where is my order?', body: 'Order % should have been here on Monday.' },
  { subject: 'Wrong size', body: 'We ordered L and got M in order %.' },
  { subject: 'Invoice address', body: 'Please send the invoice of order % to our head office.' },
  { subject: 'Refund not received', body: 'I returned order % two weeks ago.' },
  { subject: 'Card charged twice', body: 'My statement shows order % two times.' },
  {
    subject: 'Change delivery date',
    body: 'Nobody is in the practice on Friday; can order % come later?',
  },
  {
    subject: 'Certificate of conformity',
    body: 'We need the CE declaration for the devices of order %.',
  },
] as const
